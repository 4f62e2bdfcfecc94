// The configuration of one tool: flag > environment > environment _FILE > INI > default, and all problems at once.
import { ConfigError, type Problem, reasonOf, show } from "./problem.ts";
import { type Entry, type IniFile, parseIni } from "./ini.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import {
  type Findings,
  type TargetGroup,
  type TargetOptions,
  oneLine,
  parseTargets,
  probesVariables,
  readIncluded,
  readProbes,
  sameName,
} from "./targets.ts";
import { type Known, type Sections, namesOf } from "./names.ts";
import { type Met, type Text, readText, settle } from "./text.ts";
import { type SectionValues, validate } from "./validate.ts";
import { nearest, suggest } from "./nearest.ts";
import type { Settings } from "../setting.ts";
import { existsSync } from "node:fs";

export const defaultPath = "/usr/local/etc/moustash/moustash.ini";

/** Sections of all tools; a tool judges [Moustash] and its own, of the others only the syntax. */
const allSections = ["Moustash", "Cuir", "Fouet", "Panpan"];

/** A setting that the command line gives; several `texts` only where the setting may be several. */
export interface FlagText {
  readonly section: string;
  readonly key: string;
  readonly texts: readonly string[];
  readonly flag: string;
  /** The text is the path of a file that holds the value: secrets are given so. */
  readonly isFile?: boolean;
}

export interface ConfigOptions<S extends Sections, T = never, U extends Settings = Settings> {
  /** The tables that this tool judges: [Moustash]'s and its own. */
  readonly sections: S;
  /** `--config`; `none` for no file. */
  readonly path?: string | undefined;
  readonly flags?: readonly FlagText[];
  readonly env: Environment;
  /** Further variables under our prefixes that the program reads itself, so that they are not called unknown. */
  readonly variables?: readonly string[];
  /** For the tool whose section holds targets beside options. */
  readonly targets?: TargetOptions<T, U>;
}

export interface Config<S extends Sections, T = never, U extends Settings = Settings> {
  /** Parsed: `values.Moustash.redis_port`. */
  readonly values: SectionValues<S>;
  readonly targets: readonly T[];
  /** The section in which targets stand, for a tool that has them. */
  readonly targetSection?: string;
  /** Where the targets stand, in the same order. */
  readonly targetEntries: readonly Entry[];
  /** `[Cuir:Program]` sections. */
  readonly groups: readonly TargetGroup<U>[];
  /** Each setting's text and where it came from. */
  readonly texts: readonly Text[];
  /** One line each, for the log. */
  readonly warnings: readonly string[];
  /** The INI file that was read. */
  readonly path?: string;
  /** Every file that was read, to watch. */
  readonly files: readonly string[];
  readonly sections: S;
}

/** Reads all that configures a tool. Throws one ConfigError that names every problem. */
export async function loadConfig<const S extends Sections, T = never, U extends Settings = Settings>(
  options: ConfigOptions<S, T, U>,
): Promise<Config<S, T, U>> {
  const { sections, env, targets } = options;
  const findings: Findings = { problems: [], warnings: [], files: [] };
  const { problems, warnings, files } = findings;
  const path = pathOf(options);
  const file = path === undefined ? nothing : await readIni(path, findings);
  judgeSections(file, sections, targets?.section, findings);

  const names = new Map(Object.entries(sections).map(([name, table]) => [name, namesOf(name, table)]));
  const lines = { targets: [] as Entry[], grouped: [] as Entry[], options: [] as Entry[] };
  const isTarget = (section: string, value: string) =>
    targets !== undefined && sameName(section, targets.section) && targets.isTarget(oneLine(value));
  for (const entry of file.entries) {
    const section = Object.keys(sections).find((name) => sameName(name, entry.section));
    if (section === undefined) continue;
    judgeContinuation(entry, names.get(section)!, (value) => isTarget(section, value), problems);
    if (entry.subsection !== undefined) lines.grouped.push(entry);
    else if (isTarget(section, entry.value)) lines.targets.push(entry);
    else lines.options.push(entry);
  }
  if (targets) {
    const include = lines.options.find(
      (entry) => sameName(entry.section, targets.section) && sameName(entry.key, "include"),
    );
    const lists = await readIncluded(include, targets, findings);
    for (const list of [...lists, ...(await readProbes(env, targets.section, findings))]) {
      problems.push(...list.problems);
      for (const entry of list.entries)
        (entry.subsection === undefined ? lines.targets : lines.grouped).push(entry);
    }
  }
  const read = targets ? parseTargets(lines, targets, findings) : { targets: [], groups: [], entries: [] };

  const met = meet(lines.options, names, targets, problems);
  const own = [
    "MOUSTASH_CONFIG",
    ...(options.variables ?? []),
    ...(targets ? probesVariables(targets.section) : []),
  ];
  const texts = merge(sections, [
    readFlags(options.flags ?? [], sections, findings),
    settle(readEnvironment(env, sections, own, warnings), problems, warnings, files),
    settle(met, problems, warnings, files),
  ]);
  const values = validate(sections, texts, problems);
  if (problems.length > 0) throw new ConfigError(inOrder(problems));
  return {
    values,
    targets: read.targets,
    targetEntries: read.entries,
    groups: read.groups,
    texts,
    warnings,
    files,
    sections,
    ...(path === undefined ? undefined : { path }),
    ...(targets && { targetSection: targets.section }),
  };
}

const nothing: IniFile = { entries: [], sections: [], problems: [] };

/** A file that is named must be there, the default one need not. */
function pathOf({ path, env }: { path?: string | undefined; env: Environment }): string | undefined {
  const named = path ?? (env["MOUSTASH_CONFIG"] || undefined);
  if (named === undefined) return existsSync(defaultPath) ? defaultPath : undefined;
  return named === "none" ? undefined : named;
}

async function readIni(path: string, { problems, files }: Findings): Promise<IniFile> {
  let text: string;
  try {
    files.push(path);
    text = readText(path);
  } catch (error) {
    problems.push({ origin: "configuration", message: reasonOf(error) });
    return nothing;
  }
  const file = await parseIni(text, path);
  problems.push(...file.problems);
  return file;
}

/** A section that is nearly ours is a mistake; one that is nothing like ours belongs to somebody else. */
function judgeSections(
  { sections: headers }: IniFile,
  sections: Sections,
  withTargets: string | undefined,
  { problems, warnings }: Findings,
): void {
  for (const { section, subsection, origin } of headers) {
    const known = allSections.find((name) => sameName(name, section));
    if (known === undefined) {
      const near = nearest(section, allSections)!;
      const name = `[${show(section)}]`;
      if (near.distance <= 2)
        problems.push({ origin, message: `${name} is no section of ours; did you mean [${near.name}]?` });
      else warnings.push(`${origin}: ${name} is no section of ours: it is ignored`);
    } else if (
      subsection !== undefined &&
      known in sections &&
      (known !== withTargets || subsection === "")
    ) {
      const message = `[${show(section)}:${show(subsection)}] cannot be: only [Cuir:Program] has a part of its own`;
      problems.push({ origin, message });
    }
  }
}

/** An indented line continues the one above it; where it reads as a line of its own, that was not meant. */
function judgeContinuation(
  { key, file, continued = [] }: Entry,
  names: ReadonlyMap<string, Known>,
  isTarget: (value: string) => boolean,
  problems: Problem[],
): void {
  for (const { line, text } of continued) {
    const at = text.search(/[:=]/);
    const name = text.slice(0, Math.max(at, 0)).trim();
    const isOption = names.has(name.toLowerCase());
    if (at < 1 || (!isOption && !isTarget(text.slice(at + 1).trim()))) continue;
    const message = `"${show(name)}" begins with white space, so it would continue "${show(key)}" above it: remove the white space`;
    problems.push({ origin: `${file}:${line}`, message });
  }
}

/** Finds each line's setting; what is neither that nor a target is a problem. */
function meet(
  entries: readonly Entry[],
  names: ReadonlyMap<string, ReadonlyMap<string, Known>>,
  targets: TargetOptions<unknown, Settings> | undefined,
  problems: Problem[],
): Met[] {
  return entries.flatMap((entry) => {
    const { key, value, origin } = entry;
    const [section, known] = [...names].find(([name]) => sameName(name, entry.section))!;
    const one = known.get(key.toLowerCase());
    if (one !== undefined) return [{ known: one, name: key, text: value, origin }];
    const elsewhere = [...names].find(([name, others]) => name !== section && others.has(key.toLowerCase()));
    let message = `[${section}] has no option "${show(key)}"${suggest(key, known.keys())}`;
    if (elsewhere) message = `[${section}] has no option "${show(key)}": it belongs to [${elsewhere[0]}]`;
    else if (targets && sameName(section, targets.section)) {
      message = targets.resemblesTarget?.(oneLine(value))
        ? `${show(key)}: ${whyNot(targets, entry)}`
        : `"${show(key)}" is neither an option of [${section}] nor a target (Program: ip:port:informations)${suggest(key, known.keys())}`;
    }
    problems.push({ origin, message });
    return [];
  });
}

function whyNot({ parseLine }: TargetOptions<unknown, Settings>, entry: Entry): string {
  try {
    parseLine({ ...entry, value: oneLine(entry.value) });
  } catch (error) {
    return reasonOf(error);
  }
  return "is no target (Program: ip:port:informations)";
}

function readFlags(flags: readonly FlagText[], sections: Sections, findings: Findings): Text[] {
  const { problems, warnings, files } = findings;
  return flags.flatMap(({ section, key, texts, flag, isFile = false }) => {
    const text = texts.join("\n");
    if (!isFile) return [{ section, key, text, items: texts, origin: flag }];
    const known = { section, key, setting: sections[section]![key]!, isFile };
    return settle([{ known, name: flag, text, origin: flag }], problems, warnings, files);
  });
}

/** Of each setting the first text that is given, else its default. */
function merge(sections: Sections, layers: readonly (readonly Text[])[]): Text[] {
  const given = new Map<string, Text>();
  for (const text of layers.flat()) {
    const name = `${text.section} ${text.key}`;
    if (!given.has(name)) given.set(name, text);
  }
  return Object.entries(sections).flatMap(([section, table]) =>
    Object.entries(table).flatMap(([key, setting]) => {
      const text = given.get(`${section} ${key}`);
      if (text !== undefined) return [text];
      return setting.default === undefined
        ? []
        : [{ section, key, text: setting.default, origin: "default" }];
    }),
  );
}

/** Problems of one file by line, files and variables in the order in which they were met. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const places = new Map<string, number>();
  const ranked = problems.map((problem) => {
    const [, place = problem.origin, line = "0"] =
      /^(.*?)(?::| line )(\d+)(?: \(.*)?$/.exec(problem.origin) ?? [];
    if (!places.has(place)) places.set(place, places.size);
    return { problem, place: places.get(place)!, line: Number(line) };
  });
  return ranked.toSorted((a, b) => a.place - b.place || a.line - b.line).map(({ problem }) => problem);
}
