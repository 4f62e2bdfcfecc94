// A setting's text before it is parsed, with where it came from.
import { type Problem, reasonOf } from "./problem.ts";
import type { Files } from "./files.ts";
import type { Known } from "./names.ts";

export interface Text {
  readonly section: string;
  readonly key: string;
  readonly text: string;
  /** A setting that may be several, given by flags: one text for each. */
  readonly items?: readonly string[];
  /** `--redis-port`, `MOUSTASH_REDIS_PORT`, `/etc/moustash.ini:4`, `default`. */
  readonly origin: string;
  /** How near to the command line it stands: 0 is on it, then the environment, the INI file and the default. */
  readonly layer?: number;
}

/** A name that was met with its text, which is a path where `known.isFile`. */
export interface Met {
  readonly known: Known;
  /** As it was written. */
  readonly name: string;
  readonly text: string;
  readonly origin: string;
}

/** What every reader adds to: what is wrong, what to log, the files that are read. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: string[];
  readonly files: Files;
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
      const content = files.read(text).replace(/\r?\n$/, "");
      if (content !== "") return [{ section, key, text: content, origin: `${origin} (${text})` }];
      warnings.push(`${origin}: ${where}${text} is empty, so ${key} is taken as not given`);
    } catch (error) {
      problems.push({ origin, message: `${where}${reasonOf(error)}`, setting: { section, key } });
    }
    return [];
  });
}
