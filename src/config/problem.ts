// What is wrong with a configuration, said all at once: one line for each problem, each naming its place.
import { MoustashError, exitCodes } from "../errors.ts";
import type { FilesRead } from "./files.ts";

/** `origin` is where it stands: `/etc/moustash.ini:4`, `MOUSTASH_REDIS_PORT`, `--redis-port`, `CUIR_PROBES line 3`. */
export interface Problem {
  readonly origin: string;
  readonly message: string;
  /** The setting whose text it makes void: its default holds. */
  readonly setting?: { readonly section: string; readonly key: string };
}

/** Bad configuration (78). `message` has one line for each of `problems`. */
export class ConfigError extends MoustashError {
  readonly problems: readonly Problem[];
  /** What was read: in one of these the remedy is written. */
  readonly files: FilesRead | undefined;

  constructor(problems: readonly Problem[], options: { cause?: unknown; files?: FilesRead } = {}) {
    const lines = problems.map(({ origin, message }) => `${origin}: ${message}`);
    super("configuration", exitCodes.configuration, lines.join("\n"), options);
    this.problems = problems;
    this.files = options.files;
  }
}

const longest = 80;

/** Of a line that is no setting: what stands behind its first word may be a password that lacks its separator. */
export function showFirstWord(text: string): string {
  const [word = "", ...more] = text.split(/\s+/);
  return more.length === 0 ? show(word) : `${show(word)} …`;
}

/** A text of somebody else's as a message may show it: no invisible characters, and not too long. */
export function show(text: string): string {
  const visible = text.replaceAll(/[\p{C}\p{Z}]/gu, (character) =>
    character === " " ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
  return visible.length > longest ? `${visible.slice(0, longest)}…` : visible;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
