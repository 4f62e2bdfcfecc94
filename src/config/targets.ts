// Lines of a section that are targets and no options, wherever they stand: the file, included files, CUIR_PROBES.
import { type Entry, type IniFile, parseIni } from "./ini.ts";
import { type Met, type Text, readText, settle } from "./text.ts";
import { type Problem, reasonOf, show } from "./problem.ts";
import { type Settings, type Values, optional, parseText } from "../setting.ts";
import { dirname, resolve } from "node:path";
import { namesOf, variableOf } from "./names.ts";
import type { Environment } from "./environment.ts";
import { globSync } from "node:fs";
import { suggest } from "./nearest.ts";
import { validate } from "./validate.ts";

/** The one option of such a section that is read here. */
export const includeSettings = {
  include: optional(
    parseText,
    "Files of further targets, such as `targets.d/*.ini` (relative to this file), in the order of their names.",
  ),
};

export interface TargetOptions<T, U extends Settings> {
  /** The section whose lines may be targets: `Cuir`. */
  readonly section: string;
  /** Whether a value reads as a target; its key is then the program's name, whatever it is. */
  readonly isTarget: (value: string) => boolean;
  /** Whether somebody meant a target: what is wrong with it is then said, not that it is no option. */
  readonly resemblesTarget?: (value: string) => boolean;
  /** Throws an Error that says what is wrong with the line. */
  readonly parseLine: (entry: Entry) => T;
  /** What `[Cuir:Program]` may set. */
  readonly subsections: U;
}

/** One `[Cuir:Program]`: only what it gives. */
export interface TargetGroup<U extends Settings> {
  /** As the target's own line writes it. */
  readonly program: string;
  readonly values: Partial<Values<U>>;
  readonly texts: readonly Text[];
}

/** Target lines and the lines of `[Cuir:Program]`, from wherever. */
interface Lines {
  readonly targets: Entry[];
  readonly grouped: Entry[];
}

/** What every reader of a source adds to. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: string[];
  readonly files: string[];
}

/** Names are compared without case, as the original did. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** A target is one line, also where white space continues it. */
export const oneLine = (value: string): string => value.replaceAll("\n", " ");

/** Targets of included files (`include = targets.d/*.ini`), in the order of their paths, relative to the INI file. */
export async function readIncluded(
  include: Entry | undefined,
  { section }: { section: string },
  findings: Findings,
): Promise<IniFile[]> {
  if (include === undefined) return [];
  const pattern = resolve(dirname(include.file), include.value);
  const paths = globSync(pattern).toSorted();
  if (paths.length === 0) findings.warnings.push(`${include.origin}: no file matches ${pattern}`);
  return Promise.all(paths.map((path) => readLines(path, section, include.origin, true, findings)));
}

/** `CUIR_PROBES` holds target lines, `CUIR_PROBES_FILE` the path of a list. */
export async function readProbes(env: Environment, section: string, findings: Findings): Promise<IniFile[]> {
  const [name, fileName] = probesVariables(section) as [string, string];
  const { [name]: text = "", [fileName]: path = "" } = env;
  if (text !== "" && path !== "") {
    const message = `${name} and ${fileName} are the same setting: give only one`;
    findings.problems.push({ origin: fileName, message });
  }
  if (text !== "") {
    const originOf = (line: number) => `${name} line ${line}`;
    return [await parseIni(text, name, { section, continuation: false, originOf })];
  }
  return path === "" ? [] : [await readLines(path, section, fileName, false, findings)];
}

export const probesVariables = (section: string): string[] => [
  variableOf(section, "probes"),
  variableOf(section, "probes_file"),
];

async function readLines(
  path: string,
  section: string,
  origin: string,
  continuation: boolean,
  { problems, files }: Findings,
): Promise<IniFile> {
  try {
    files.push(path);
    return await parseIni(readText(path), path, { section, continuation });
  } catch (error) {
    problems.push({ origin, message: reasonOf(error) });
    return { entries: [], sections: [], problems: [] };
  }
}

/** Parses each target's line; a name that comes twice, from wherever, is a problem. */
export function parseTargets<T, U extends Settings>(
  { targets, grouped }: Lines,
  options: TargetOptions<T, U>,
  findings: Findings,
): { targets: T[]; groups: TargetGroup<U>[]; entries: Entry[] } {
  const { problems } = findings;
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
  return {
    targets: parsed,
    groups: readGroups(grouped, seen, options, findings),
    entries: [...seen.values()],
  };
}

function readGroups<T, U extends Settings>(
  entries: readonly Entry[],
  targets: ReadonlyMap<string, Entry>,
  { section, subsections }: TargetOptions<T, U>,
  { problems, warnings, files }: Findings,
): TargetGroup<U>[] {
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
    const texts = settle(met, problems, warnings, files);
    const given = Object.fromEntries(texts.map(({ key }) => [key, subsections[key]!]));
    const values = validate({ [section]: given }, texts, problems)[section] ?? {};
    return [{ program: target.key, values: values as Partial<Values<U>>, texts }];
  });
}
