// Settings from environment variables: [Section] key is SECTION_KEY, or SECTION_KEY_FILE for the path of a file.
import { type Known, type Sections, namesOf, variableOf } from "./names.ts";
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
  sections: Sections,
  own: readonly string[],
  warnings: string[],
): Met[] {
  const known = new Map<string, Known>();
  for (const [section, settings] of Object.entries(sections))
    for (const [name, one] of namesOf(section, settings)) known.set(variableOf(section, name), one);
  const prefixes = Object.keys(sections).map((section) => variableOf(section, ""));
  const met: Met[] = [];
  const foreign: string[] = [];
  for (const name of Object.keys(env).toSorted()) {
    const text = env[name];
    if (text === undefined || text === "" || name.startsWith(stashed)) continue;
    if (!prefixes.some((prefix) => name.startsWith(prefix)) || own.includes(name)) continue;
    const one = known.get(name);
    if (injected.test(name) || (/_(PORT|HOST)$/.test(name) && injectedValue.test(text))) foreign.push(name);
    else if (one !== undefined) met.push({ known: one, name, text, origin: name });
    else warnings.push(`${name} is no variable of ours${suggest(name, [...known.keys(), ...own])}`);
  }
  if (foreign.length > 0) warnings.push(explainInjected(foreign));
  return met;
}

function explainInjected(names: readonly string[]): string {
  const [first] = names;
  const many = names.length === 1 ? "" : ` and ${names.length - 1} more`;
  return `${first}${many} ignored: it looks like what Kubernetes injects for a Service of that name (enableServiceLinks: false ends it)`;
}
