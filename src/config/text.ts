// A setting's text before it is parsed, with where it came from; and the files that hold such texts.
import { type Problem, reasonOf } from "./problem.ts";
import { readFileSync, statSync } from "node:fs";
import type { Known } from "./names.ts";

export interface Text {
  readonly section: string;
  readonly key: string;
  readonly text: string;
  /** A setting that may be several, given by flags: one text for each. */
  readonly items?: readonly string[];
  /** `--redis-port`, `MOUSTASH_REDIS_PORT`, `/etc/moustash.ini:4`, `default`. */
  readonly origin: string;
}

/** A name that was met with its text, which is a path where `known.isFile`. */
export interface Met {
  readonly known: Known;
  /** As it was written. */
  readonly name: string;
  readonly text: string;
  readonly origin: string;
}

/** What every reader adds to: what is wrong, what to log, the paths that were read. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: string[];
  readonly files: string[];
}

/**
 * What one place (the environment, or a file) gives: each setting under one name only, files of values read,
 * empty ones left out.
 */
export function settle(met: Iterable<Met>, { problems, warnings, files }: Findings): Text[] {
  const given = new Map<string, Met>();
  for (const one of met) {
    if (one.text === "") continue;
    const setting = `${one.known.section} ${one.known.key}`;
    const before = given.get(setting);
    if (before === undefined) given.set(setting, one);
    else {
      const other = before.origin === before.name ? before.name : `${before.name} (${before.origin})`;
      const message = `${one.name} and ${other} are the same setting: give only one`;
      problems.push({ origin: one.origin, message });
    }
  }
  return [...given.values()].flatMap(({ known, name, text, origin }) => {
    const { section, key } = known;
    if (!known.isFile) return [{ section, key, text, origin }];
    const where = origin === name ? "" : `${name}: `;
    try {
      files.push(text);
      const content = readText(text).replace(/\r?\n$/, "");
      if (content !== "") return [{ section, key, text: content, origin: `${origin} (${text})` }];
      warnings.push(`${origin}: ${where}${text} is empty, so ${key} is taken as not given`);
    } catch (error) {
      problems.push({ origin, message: `${where}${reasonOf(error)}` });
    }
    return [];
  });
}

/** Reads a text file (UTF-8). Throws an Error whose message names the path and, where we may not, the owner. */
export function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new Error(explain(path, error as NodeJS.ErrnoException), { cause: error });
  }
  const text = bytes.toString("utf8");
  if (text.includes("\0")) throw new Error(`${path} is no text file: save it as UTF-8`);
  if (text.includes("\uFFFD") && !Buffer.from(text).equals(bytes)) {
    const line = text.slice(0, text.indexOf("\uFFFD")).split("\n").length;
    throw new Error(`${path} is not UTF-8 at line ${line}: save it as UTF-8`);
  }
  return text;
}

/** Whether that error of readText says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
  return code === "ENOENT" || code === "ENOTDIR";
}

function explain(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT" || code === "ENOTDIR") return `${path} does not exist`;
  if (code === "EISDIR") return `${path} is a directory, a file is needed`;
  if (code !== "EACCES" && code !== "EPERM") return `${path} cannot be read: ${message}`;
  const us = `we are uid ${process.geteuid?.()}, gid ${process.getegid?.()}`;
  try {
    const { uid, gid, mode } = statSync(path);
    const rights = (mode & 0o777).toString(8).padStart(4, "0");
    return `${path} may not be read: it belongs to uid ${uid}, gid ${gid}, mode ${rights}, and ${us}`;
  } catch {
    return `${path} may not be read: a directory above it is closed to us, and ${us}`;
  }
}
