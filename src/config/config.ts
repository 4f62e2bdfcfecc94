// The configuration of one tool: flag > environment > environment _FILE > INI > default, and all problems at once.
import { MoustashError } from "../errors.ts";
import type { Setting, Settings } from "../setting.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { type FilesRead, isMissing, openFiles } from "./files.ts";
import { type Entry, type IniFile, parseIni } from "./ini.ts";
import { judgeSections, meet, sortLines } from "./lines.ts";
import { probesVariables, readIncluded, readProbes } from "./lists.ts";
import { type Sections, allNames } from "./names.ts";
import { ConfigError, type Problem, reasonOf } from "./problem.ts";
import { type TargetGroup, type TargetOptions, parseTargets } from "./targets.ts";
import { type Findings, type Text, settle } from "./text.ts";
import { type SectionValues, validate } from "./validate.ts";

export const defaultPath = "/usr/local/etc/moustash/moustash.ini";

/** A setting that the command line gives; several `texts`, or none, only where the setting may be several. */
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
  /** What must hold beyond each text: what does not is one of the problems. */
  readonly judge?: (values: SectionValues<S>) => readonly Judgement[] | Promise<readonly Judgement[]>;
}

/** One thing that settings which are right one by one may get wrong together. */
export interface Judgement {
  /** What it is about; it is said where the first of them stands that is given, and not where one is wrong itself. */
  readonly settings: readonly (readonly [section: string, key: string])[];
  /** Throws (or rejects with) a MoustashError that names the settings and says what to do. */
  readonly check: () => unknown;
}

export interface Config<S extends Sections, T = never, U extends Settings = Settings> {
  /** Parsed: `values.Moustash.redis_port`. */
  readonly values: SectionValues<S>;
  readonly targets: readonly T[];
  /** The section in which targets stand, for a tool that has them. */
  readonly targetSection?: string;
  /** What its targets may have of their own. */
  readonly subsections?: U;
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
  readonly files: FilesRead;
  readonly sections: S;
}

/** Reads all that configures a tool. Throws one ConfigError that names every problem. */
export async function loadConfig<const S extends Sections, T = never, U extends Settings = Settings>(
  options: ConfigOptions<S, T, U>,
): Promise<Config<S, T, U>> {
  const { config, problems } = await readConfig(options);
  if (problems.length > 0) throw new ConfigError(problems, { files: config.files });
  return config;
}

/** The configuration as far as it can be read, and all that is wrong: a text that is wrong counts as not given. */
export async function readConfig<const S extends Sections, T = never, U extends Settings = Settings>(
  options: ConfigOptions<S, T, U>,
): Promise<{ readonly config: Config<S, T, U>; readonly problems: readonly Problem[] }> {
  const { sections, env, targets } = options;
  const findings: Findings = { problems: [], warnings: [], files: openFiles() };
  const { problems, warnings, files } = findings;
  const { path, file } = await readIni(options, findings);
  judgeSections(file, sections, targets?.section, findings);

  const names = allNames(sections);
  const lines = sortLines(file, names, targets, problems);
  const own = ["MOUSTASH_CONFIG", ...(options.variables ?? []), ...probesVariables(targets?.section)];
  const texts = merge(sections, [
    readFlags(options.flags ?? [], sections, findings),
    settle(readEnvironment(env, names, own, warnings), findings),
    settle(meet(lines.options, names, targets, problems), findings),
  ]);
  const values = validate(sections, texts, problems);
  const read = targets && (await readTargets(targets));
  if (options.judge) problems.push(...(await misfits(await options.judge(values), texts, problems)));
  const config = {
    values,
    targets: read?.targets ?? [],
    targetEntries: read?.entries ?? [],
    groups: read?.groups ?? [],
    texts,
    warnings,
    files,
    sections,
    ...(path === undefined ? undefined : { path }),
    ...(targets && { targetSection: targets.section, subsections: targets.subsections }),
  };
  return { config, problems: inOrder(problems) };

  async function readTargets(targetOptions: TargetOptions<T, U>) {
    const { section } = targetOptions;
    const include = texts.find((text) => text.section === section && text.key === "include");
    const lists = [
      ...(await readIncluded(include, section, path, findings)),
      ...(await readProbes(env, section, findings)),
    ];
    for (const list of lists) {
      const found = sortLines(list, names, targetOptions, problems);
      // Here a line that is no target is not an option either: its own parser says what is wrong with it.
      lines.targets.push(...found.targets, ...found.options);
      lines.grouped.push(...found.grouped);
    }
    return parseTargets(lines, targetOptions, findings);
  }
}

async function misfits(
  judgements: readonly Judgement[],
  texts: readonly Text[],
  problems: readonly Problem[],
): Promise<Problem[]> {
  const found: Problem[] = [];
  for (const { settings, check } of judgements) {
    const isAbout = (one?: { readonly section: string; readonly key: string }) =>
      settings.some(([section, key]) => section === one?.section && key === one.key);
    if (problems.some(({ setting }) => isAbout(setting))) continue;
    try {
      await check();
    } catch (error) {
      if (!(error instanceof MoustashError)) throw error;
      const given = settings.flatMap(
        ([section, key]) => texts.find((text) => text.section === section && text.key === key) ?? [],
      );
      const { origin } = given.find((text) => text.origin !== "default") ?? given[0] ?? { origin: "default" };
      found.push({ origin, message: error.message });
    }
  }
  return found;
}

const nothing: IniFile = { entries: [], sections: [], problems: [] };

/** Reads the file that is named, which must be there, or the default one, which need not. */
async function readIni(
  { path: flag, env }: { readonly path?: string | undefined; readonly env: Environment },
  { problems, files }: Findings,
): Promise<{ path?: string; file: IniFile }> {
  const variable = env["MOUSTASH_CONFIG"] || undefined;
  const path = flag ?? variable ?? defaultPath;
  if (path === "none") return { file: nothing };
  let text: string;
  try {
    text = files.read(path);
  } catch (error) {
    if (flag === undefined && variable === undefined && isMissing(error)) return { file: nothing };
    const origin =
      flag === undefined ? (variable === undefined ? "the default file" : "MOUSTASH_CONFIG") : "--config";
    problems.push({ origin, message: reasonOf(error) });
    return { path, file: nothing };
  }
  const file = await parseIni(text, path);
  problems.push(...file.problems);
  return { path, file };
}

function readFlags(flags: readonly FlagText[], sections: Sections, findings: Findings): Text[] {
  return flags.flatMap(({ section, key, texts, flag, isFile = false }) => {
    const text = texts.join("\n");
    if (!isFile) return [{ section, key, text, items: texts, origin: flag }];
    const known = { section, key, setting: sections[section]![key]!, isFile };
    return settle([{ known, name: flag, text, origin: flag }], findings);
  });
}

/**
 * Of each setting the first text that is given, else its default. What a text names stands in its place, too; what it
 * is given instead of does not count below it.
 */
function merge(sections: Sections, layers: readonly (readonly Text[])[]): Text[] {
  const given = new Map<string, Text>();
  for (const [layer, texts] of layers.entries()) {
    for (const text of texts) {
      const name = `${text.section} ${text.key}`;
      if (!given.has(name)) given.set(name, { ...text, layer });
    }
  }
  for (const whole of given.values()) {
    const setting = sections[whole.section]![whole.key]!;
    for (const [key, text] of Object.entries(setting.parts?.(valueOf(setting, whole.text)) ?? {})) {
      const name = `${whole.section} ${key}`;
      const before = given.get(name)?.layer ?? layers.length;
      if (before >= whole.layer!) given.set(name, { ...whole, key, text });
    }
  }
  for (const { section, key, text, layer } of given.values()) {
    const setting = sections[section]![key]!;
    if (setting.insteadOf === undefined || valueOf(setting, text) === undefined) continue;
    for (const other of setting.insteadOf) {
      const name = `${section} ${other}`;
      if (given.has(name) && given.get(name)!.layer! > layer!) given.delete(name);
    }
  }
  return Object.entries(sections).flatMap(([section, table]) =>
    Object.entries(table).flatMap(([key, setting]) => {
      const text = given.get(`${section} ${key}`);
      if (text !== undefined) return [text];
      return setting.default === undefined
        ? []
        : [{ section, key, text: setting.default, origin: "default", layer: layers.length }];
    }),
  );
}

/** Undefined where the text is wrong, too: that is said where it is parsed for good. */
function valueOf(setting: Setting, text: string): unknown {
  try {
    return setting.parse(text);
  } catch {
    return undefined;
  }
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
