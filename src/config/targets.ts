// Lines that are targets and no options, and what [Cuir:Program] gives one of them.
import type { Settings, Values } from "../setting.ts";
import type { Entry } from "./ini.ts";
import { namesOf } from "./names.ts";
import { suggest } from "./nearest.ts";
import { reasonOf, show } from "./problem.ts";
import { type Findings, type Met, type Text, settle } from "./text.ts";
import { validate } from "./validate.ts";

export interface TargetOptions<T, U extends Settings> {
  /** The section whose lines may be targets: `Cuir`. */
  readonly section: string;
  /** Whether a value reads as a target; its key is then the program's name, whatever it is. */
  readonly isTarget: (value: string) => boolean;
  /** Throws an Error that says what is wrong with the line. */
  readonly parseLine: (entry: Entry) => T;
  /** What `[Cuir:Program]` may set. */
  readonly subsections: U;
  /** What of the targets and their sections does not fit together, when each line alone is right. */
  judge?(targets: readonly T[], groups: readonly TargetGroup<U>[]): Iterable<Misfit>;
}

export interface Misfit {
  readonly program: string;
  /** The option that it is about, where it is about one. */
  readonly key?: string;
  readonly message: string;
}

/** One `[Cuir:Program]`: only what it gives. */
export interface TargetGroup<U extends Settings> {
  /** As the target's own line writes it. */
  readonly program: string;
  readonly values: Partial<Values<U>>;
  readonly texts: readonly Text[];
}

/** Names are compared without case, as the original did. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const isDefinition = ({ key }: Entry): boolean => sameName(key, "target");

/** A target is one line, also where white space continues it. */
export const oneLine = (value: string): string => value.replaceAll("\n", " ");

/** Parses each target's line; a name that comes twice, from wherever, is a problem. */
export function parseTargets<T, U extends Settings>(
  lines: { readonly targets: readonly Entry[]; readonly grouped: readonly Entry[] },
  options: TargetOptions<T, U>,
  findings: Findings,
): { targets: T[]; groups: TargetGroup<U>[]; entries: Entry[] } {
  const { problems } = findings;
  const grouped = lines.grouped.filter((entry) => !isDefinition(entry));
  // `target = …` in [Cuir:Program] stands for the line `Program: …`.
  const defined = lines.grouped.filter(isDefinition).map((entry) => ({ ...entry, key: entry.subsection! }));
  const targets = [...lines.targets, ...defined];
  const seen = new Map<string, Entry>();
  const parsed = targets.flatMap((entry) => {
    const name = entry.key.toLowerCase();
    const before = seen.get(name);
    if (before !== undefined) {
      problems.push({
        origin: entry.origin,
        message: `"${show(entry.key)}" is already a target, at ${before.origin}`,
      });
      return [];
    }
    seen.set(name, entry);
    try {
      return [options.parseLine({ ...entry, value: oneLine(entry.value) })];
    } catch (error) {
      problems.push({ origin: entry.origin, message: `${show(entry.key)}: ${reasonOf(error)}` });
      return [];
    }
  });
  const groups = readGroups(grouped, seen, options, findings);
  const own = Map.groupBy(grouped, (entry) => entry.subsection!.toLowerCase());
  for (const { program, key, message } of options.judge?.(parsed, groups) ?? []) {
    const name = program.toLowerCase();
    const lines = own.get(name) ?? [];
    const line = lines.find((entry) => key !== undefined && sameName(entry.key, key)) ?? lines[0];
    const { origin } = line ?? seen.get(name)!;
    problems.push({ origin, message: `${show(program)}: ${key === undefined ? "" : `${key}: `}${message}` });
  }
  return { targets: parsed, groups, entries: [...seen.values()] };
}

function readGroups<T, U extends Settings>(
  entries: readonly Entry[],
  targets: ReadonlyMap<string, Entry>,
  { section, subsections }: TargetOptions<T, U>,
  findings: Findings,
): TargetGroup<U>[] {
  const { problems } = findings;
  const names = namesOf(section, subsections);
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = entry.subsection!.toLowerCase();
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups].flatMap(([name, group]) => {
    const [first] = group as [Entry];
    const target = targets.get(name);
    if (target === undefined) {
      const known = [...targets.values()].map((entry) => entry.key);
      const message = `[${section}:${show(first.subsection!)}] belongs to no target${suggest(name, known)}`;
      problems.push({ origin: first.origin, message });
      return [];
    }
    const met: Met[] = [];
    for (const entry of group) {
      const known = names.get(entry.key.toLowerCase());
      if (known) met.push({ known, name: entry.key, text: entry.value, origin: entry.origin });
      else {
        const message = `[${section}:${show(first.subsection!)}] has no option "${show(entry.key)}"${suggest(entry.key, names.keys())}`;
        problems.push({ origin: entry.origin, message });
      }
    }
    const texts = settle(met, findings);
    const given = Object.fromEntries(texts.map(({ key }) => [key, subsections[key]!]));
    const values = validate({ [section]: given }, texts, problems)[section] ?? {};
    return [{ program: target.key, values: values as Partial<Values<U>>, texts }];
  });
}
