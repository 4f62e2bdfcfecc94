// Settings from environment variables: [Section] key is SECTION_KEY, or SECTION_KEY_FILE for the path of a file.
import { type Known, type Names, variableOf } from "./names.ts";
import type { Met } from "./text.ts";
import { suggest } from "./nearest.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the launcher keeps for the command that PanPan wraps; never ours to read. */
const stashed = "MOUSTASH_STASHED_";

/** Where Kubernetes or Docker links put the address of a Service that is called like one of our prefixes. */
const injected = /_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const injectedValue = /^(tcp|udp|sctp):\/\//i;

/**
 * The variables that belong to settings, in the order of their names. `own` are further variables that the program
 * reads itself. Unknown ones under our prefixes are warnings, what Kubernetes injects is one warning.
 */
export function readEnvironment(
  env: Environment,
  names: Names,
  own: readonly string[],
  warnings: string[],
): Met[] {
  const prefixes = [...names.keys()].map((section) => variableOf(section, ""));
  const met: Met[] = [];
  const foreign: string[] = [];
  for (const name of Object.keys(env).toSorted()) {
    const text = env[name];
    if (text === undefined || text === "" || name.startsWith(stashed)) continue;
    if (!prefixes.some((prefix) => name.startsWith(prefix)) || own.includes(name)) continue;
    const one = knownAs(name, names);
    if (injected.test(name) || (/_(PORT|HOST)$/.test(name) && injectedValue.test(text))) foreign.push(name);
    else if (one !== undefined) met.push({ known: one, name, text, origin: name });
    else warnings.push(`${name} is no variable of ours${suggest(name, [...variables(names), ...own])}`);
  }
  if (foreign.length > 0) warnings.push(explainInjected(foreign));
  return met;
}

/** Looked up the other way round, for all variables that there could be are many more than there are. */
function knownAs(variable: string, names: Names): Known | undefined {
  for (const [section, known] of names) {
    const name = variable.slice(variableOf(section, "").length).toLowerCase();
    if (variableOf(section, name) === variable) return known.get(name);
  }
  return undefined;
}

const variables = (names: Names): string[] =>
  [...names].flatMap(([section, known]) => [...known.keys()].map((name) => variableOf(section, name)));

function explainInjected(names: readonly string[]): string {
  const [first] = names;
  const many = names.length === 1 ? "" : ` and ${names.length - 1} more`;
  return `${first}${many} ignored: it looks like what Kubernetes injects for a Service of that name (enableServiceLinks: false ends it)`;
}
