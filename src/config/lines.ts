// What each line of an INI file is: an option, a target, or of [Cuir:Program]; and what is none of these.
import type { Settings } from "../setting.ts";
import type { Entry, IniFile } from "./ini.ts";
import type { Known, Names, Sections } from "./names.ts";
import { nearest, suggest } from "./nearest.ts";
import { type Problem, reasonOf, show, showFirstWord } from "./problem.ts";
import { type TargetOptions, oneLine, sameName } from "./targets.ts";
import type { Findings, Met } from "./text.ts";

/** Sections of all tools; a tool judges [Moustash] and its own, of the others only the syntax. */
const allSections = ["Moustash", "Cuir", "Fouet", "Panpan"];

export interface Lines {
  readonly options: Entry[];
  readonly targets: Entry[];
  readonly grouped: Entry[];
}

type AnyTargets = TargetOptions<unknown, Settings>;

/** Sorts the lines of the tool's own sections. */
export function sortLines(
  file: IniFile,
  names: Names,
  targets: AnyTargets | undefined,
  problems: Problem[],
): Lines {
  const lines: Lines = { options: [], targets: [], grouped: [] };
  for (const entry of file.entries) {
    const section = [...names.keys()].find((name) => sameName(name, entry.section));
    if (section === undefined) continue;
    const isTarget = (value: string) =>
      targets !== undefined && sameName(section, targets.section) && targets.isTarget(oneLine(value));
    judgeContinuation(entry, names.get(section)!, isTarget, problems);
    if (entry.subsection !== undefined) lines.grouped.push(entry);
    else if (isTarget(entry.value)) lines.targets.push(entry);
    else lines.options.push(entry);
  }
  return lines;
}

/** A section that is nearly ours is a mistake; one that is nothing like ours belongs to somebody else. */
export function judgeSections(
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
      if (near.isAlike)
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
export function meet(
  entries: readonly Entry[],
  names: Names,
  targets: AnyTargets | undefined,
  problems: Problem[],
): Met[] {
  return entries.flatMap((entry) => {
    const { key, value, origin } = entry;
    const [section, known] = [...names].find(([name]) => sameName(name, entry.section))!;
    const one = known.get(key.toLowerCase());
    if (one !== undefined) return [{ known: one, name: key, text: value, origin }];
    const elsewhere = [...names].find(([name, others]) => name !== section && others.has(key.toLowerCase()));
    let message = `[${section}] has no option "${showFirstWord(key)}"${suggest(key, known.keys())}`;
    if (elsewhere)
      message = `[${section}] has no option "${showFirstWord(key)}": it belongs to [${elsewhere[0]}]`;
    else if (targets && sameName(section, targets.section)) message = neither(entry, known, targets);
    problems.push({ origin, message });
    return [];
  });
}

/** What looks like a target is told what is wrong with it, the rest which option is near. */
function neither(
  entry: Entry,
  known: ReadonlyMap<string, Known>,
  { section, parseLine }: AnyTargets,
): string {
  const { key, value } = entry;
  // `SSH 10.1.2.3:22:ssh server`: what ends at the first colon is no name.
  const [, name, place] = /^(\S+)\s+(\S+)$/.exec(key) ?? [];
  if (name !== undefined && /^\d{1,5}(?:\D|$)/.test(value))
    return `"${show(key)}": a colon belongs after the program's name (${show(name)}: ${show(place!)}:${show(value)})`;
  if (!value.includes(":")) {
    const options = suggest(key, known.keys());
    return `"${show(key)}" is neither an option of [${section}] nor a target (Program: ip:port:informations)${options}`;
  }
  const near = nearest(key, known.keys());
  const option = near?.isAlike ? `; or did you mean the option ${near.name}?` : "";
  try {
    parseLine({ ...entry, value: oneLine(value) });
  } catch (error) {
    return `${show(key)}: ${reasonOf(error)}${option}`;
  }
  return `"${show(key)}" is no target (Program: ip:port:informations)${option}`;
}
