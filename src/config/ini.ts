// The INI dialect of the original files (Python's ConfigParser), put on the npm `ini` parser.
// Invariant: whatever a line's value holds, `ini` sees it as one quoted string with its line number before it, so
// that it can neither cut it, nor nest it, nor take one of two for the other. Each of our lines becomes one of its own:
//   SSH: 10.1.2.3:22:a;b#c   →   "SSH[]" = "7 10.1.2.3:22:a;b#c"
import { type Problem, show, showFirstWord } from "./problem.ts";

/** One `key: value` of a file; names as they were written. */
export interface Entry {
  readonly section: string;
  /** `web` of `[Cuir:web]`. */
  readonly subsection?: string;
  readonly key: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
  /** How messages name the place. */
  readonly origin: string;
  /** Lines that began with white space and so became part of the value. */
  readonly continued?: readonly { readonly line: number; readonly text: string }[];
}

export interface SectionHeader {
  readonly section: string;
  readonly subsection?: string;
  readonly origin: string;
}

export interface IniFile {
  /** In the order of their lines; of a key that stands twice, the first. */
  readonly entries: readonly Entry[];
  readonly sections: readonly SectionHeader[];
  readonly problems: readonly Problem[];
}

export interface IniOptions {
  /** The section of lines that stand before any header; without it they are a problem. */
  readonly section?: string;
  /** Off: white space before a line means nothing. */
  readonly continuation?: boolean;
  /** How messages name a line; `file:line` by default. */
  readonly originOf?: (line: number) => string;
}

/** Reads the text of `file`. Never throws: what is wrong is in `problems`, all of it. */
export async function parseIni(text: string, file: string, options: IniOptions = {}): Promise<IniFile> {
  const originOf = options.originOf ?? ((line: number) => `${file}:${line}`);
  const scan = scanLines(text, options);
  const problems = scan.problems.map(({ line, message }) => ({ origin: originOf(line), message }));
  const sections = scan.sections.map(({ line, ...name }) => ({ ...name, origin: originOf(line) }));
  const entries: Entry[] = [];
  if (scan.lines.length > 0) {
    const { default: ini } = await import("ini");
    const continued = new Map(scan.lines.map((line) => [line.line, line.continued]));
    const document = ini.parse(toIni(scan.lines)) as Record<string, Record<string, string[]>>;
    for (const [name, keys] of Object.entries(document)) {
      for (const [key, values] of Object.entries(keys)) {
        for (const value of values) {
          const space = value.indexOf(" ");
          const line = Number(value.slice(0, space));
          const more = continued.get(line)!;
          entries.push({
            ...splitName(name),
            key,
            value: value.slice(space + 1),
            file,
            line,
            origin: originOf(line),
            ...(more.length === 0 ? undefined : { continued: more }),
          });
        }
      }
    }
    entries.sort((a, b) => a.line - b.line);
  }
  return { entries: firsts(entries, problems), sections, problems };
}

/** One `key: value` with its continuations, before `ini` has seen it. */
interface Line {
  section: string;
  key: string;
  parts: string[];
  line: number;
  continued: { line: number; text: string }[];
}

const blank = /^[ \t\f\v]+|[ \t\f\v]+$/g;
/** White space as the original knew it; a no-break space is part of a password. */
const trim = (text: string): string => text.replaceAll(blank, "");

function scanLines(text: string, { section: first, continuation = true }: IniOptions) {
  const problems: { line: number; message: string }[] = [];
  const sections: (Omit<SectionHeader, "origin"> & { line: number })[] = [];
  const lines: Line[] = [];
  let section = first;
  /** A header that cannot be read is said once, not again for each line below it. */
  let silent = false;
  let last: Line | undefined;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = index + 1;
    const trimmed = trim(raw);
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) continue;
    const problem = (message: string) => void problems.push({ line, message });
    if (continuation && last !== undefined && /^[ \t\f\v]/.test(raw)) {
      last.continued.push({ line, text: trimmed });
      last.parts.push(valueOf(raw, problem));
      continue;
    }
    if (trimmed.startsWith("[")) {
      const header = /^\[(.*)\]$/.exec(withoutComment(trimmed));
      const name = trim(header?.[1] ?? "");
      last = undefined;
      silent = name === "" || name === "__proto__";
      if (silent) problem(`"${show(trimmed)}" is no section: write [Name] or [Cuir:Program]`);
      else {
        section = name;
        sections.push({ ...splitName(name), line });
      }
      continue;
    }
    if (silent) continue;
    last = undefined;
    const at = trimmed.search(/[:=]/);
    const key = trim(trimmed.slice(0, Math.max(at, 0)));
    if (at < 0) problem(`"${showFirstWord(trimmed)}" has no ":" and no "=": write key: value`);
    else if (key === "" || key === "__proto__")
      problem(`"${show(trimmed)}" has no name before its "${trimmed[at]}"`);
    else if (section === undefined) {
      problem(`"${show(key)}" stands before any section: put [Moustash] or another one above it`);
      silent = true;
    } else {
      last = { section, key, parts: [valueOf(trimmed.slice(at + 1), problem)], line, continued: [] };
      lines.push(last);
    }
  }
  return { lines, sections, problems };
}

function splitName(name: string): { section: string; subsection?: string } {
  const colon = name.indexOf(":");
  if (colon < 0) return { section: name };
  return { section: trim(name.slice(0, colon)), subsection: trim(name.slice(colon + 1)) };
}

const withoutComment = (text: string): string => trim(text.replace(/[ \t\f\v];.*$/s, ""));

/**
 * What one line gives to a value: white space and the comment cut. Quotes around it are taken off, and between them
 * everything stands for itself; they end where nothing or a comment follows.
 */
function valueOf(raw: string, problem: (message: string) => void): string {
  const text = trim(raw);
  const mark = text[0] ?? "";
  if (mark !== '"' && mark !== "'") return withoutComment(raw);
  const ends = [...text.slice(1).matchAll(mark === '"' ? endOfDouble : endOfSingle)];
  const [end] = ends;
  if (end === undefined) return withoutComment(raw);
  if (ends.length > 1)
    problem(
      `a comment, or ${mark} ; inside quotes? Write the other quotes around the value, or put it in a file of its own`,
    );
  return text.slice(1, end.index + 1);
}

const endOfDouble = /"(?=$|[ \t\f\v]+;)/g;
const endOfSingle = /'(?=$|[ \t\f\v]+;)/g;

function toIni(lines: readonly Line[]): string {
  let section: string | undefined;
  const out: string[] = [];
  for (const line of lines) {
    if (line.section !== section) {
      section = line.section;
      // `ini` nests a section at each dot that is not escaped.
      out.push(`[${quote(section.replaceAll(".", String.raw`\.`))}]`);
    }
    const value = line.parts.filter((part) => part !== "").join("\n");
    out.push(`${quote(`${line.key}[]`)} = ${quote(`${line.line} ${value}`)}`);
  }
  return out.join("\n");
}

/** As JSON, which `ini` reads between quotes, without what its line pattern trips over. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[=\]\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function firsts(entries: readonly Entry[], problems: Problem[]): Entry[] {
  const seen = new Map<string, Entry>();
  return entries.filter((entry) => {
    const name = [entry.section, entry.subsection ?? "", entry.key].join("\0").toLowerCase();
    const before = seen.get(name);
    seen.set(name, before ?? entry);
    if (before === undefined) return true;
    const section = entry.subsection === undefined ? entry.section : `${entry.section}:${entry.subsection}`;
    const message = `"${show(entry.key)}" is already in [${show(section)}], at ${before.origin}: remove one`;
    problems.push({ origin: entry.origin, message });
    return false;
  });
}
