// What a setting is: its text form, its default, its help; and the text forms that every room shares.
// A room declares a table of these; config/ finds the texts and calls the parsers. Pure.

/** One setting of a table. `parse` throws an Error whose message completes "redis_port: …". */
export interface Setting<T = unknown> {
  readonly parse: (text: string) => T;
  /** In its text form, parsed like any other; absent where the value is then undefined. */
  readonly default?: string;
  /** One sentence of Markdown for docs and --help. */
  readonly help: string;
  /** Never shown: printed as ••••••. */
  readonly secret?: true;
  readonly aliases?: readonly string[];
  /** Where a flag may be given several times: parses one flag's text, which may hold line feeds. */
  readonly parseItem?: (text: string) => unknown;
  /** Texts of other settings of the table that the value names: they stand where it stands, and win over those there. */
  parts?(value: T): Readonly<Record<string, string>>;
  /** Other settings of the table that do not count where they stand below one that is given, and is not `none`. */
  readonly insteadOf?: readonly string[];
}

export type Settings = Readonly<Record<string, Setting>>;
export type Values<S extends Settings> = { readonly [K in keyof S]: ReturnType<S[K]["parse"]> };

type Extras<T> = Pick<Setting<T>, "secret" | "aliases" | "parts" | "insteadOf">;

export function setting<T>(
  parse: (text: string) => T,
  text: string,
  help: string,
  extras: Extras<T> = {},
): Setting<T> {
  return { parse, default: text, help, ...extras };
}

export function optional<T>(
  parse: (text: string) => T,
  help: string,
  extras: Extras<T | undefined> = {},
): Setting<T | undefined> {
  return { parse, help, ...extras };
}

/** Several values: each flag gives one item, elsewhere each line is one. */
export function several<T>(
  parseItem: (text: string) => T,
  help: string,
  extras: Extras<readonly T[]> = {},
): Setting<readonly T[]> {
  const parse = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map(parseItem);
  return { parse, parseItem, default: "", help, ...extras };
}

export const parseText = (text: string): string => text;

const booleans = new Map([
  ["yes", true],
  ["true", true],
  ["on", true],
  ["1", true],
  ["no", false],
  ["false", false],
  ["off", false],
  ["0", false],
  ["none", false],
]);

export function parseBoolean(text: string): boolean {
  const value = booleans.get(text.toLowerCase());
  if (value === undefined) throw new Error(`"${text}" is neither on nor off`);
  return value;
}

const durationUnits: Record<string, number> = {
  ms: 1,
  "": 1000,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `5`, `5s`, `500ms`, `2m`, `1h`, `1d` to milliseconds; a bare number is seconds. */
function toMs(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)$/i.exec(text) ?? [];
  if (number === undefined) throw new Error(`"${text}" is no duration: write 5, 5s, 500ms, 2m or 1h`);
  return Math.round(Number(number) * durationUnits[unit!.toLowerCase()]!);
}

/** A duration in milliseconds, within bounds that are written like it. A moment so far from now is still a Date. */
export function parseSpan(least: string, most = "36500d"): (text: string) => number {
  return within(toMs, { least, most }, { below: "short", above: "long" });
}

export const parseDurationMs = parseSpan("0");

/** How long an answer is waited for: a timer of Node's holds 2^31-1 ms, and rings at once where it is told more. */
export const parseDeadline = (least: string) => parseSpan(least, "24d");

const sizeUnits: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `65536`, `64KB`, `64MB`, `1GiB` to bytes; the units are powers of 1024. */
function toBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === undefined) throw new Error(`"${text}" is no size: write 65536, 64KB, 64MB or 1GB`);
  return Math.round(Number(number) * sizeUnits[unit!.toLowerCase()]!);
}

/** A size in bytes, within bounds that are written like it. */
export function parseSize(least: string, most = "1024TB"): (text: string) => number {
  return within(toBytes, { least, most }, { below: "small", above: "large" });
}

export const parseSizeBytes = parseSize("0");

function within(
  toNumber: (text: string) => number,
  { least, most }: { readonly least: string; readonly most: string },
  words: { readonly below: string; readonly above: string },
): (text: string) => number {
  return (text) => {
    const number = toNumber(text);
    if (number < toNumber(least))
      throw new Error(`"${text}" is too ${words.below}: at least ${least} is needed`);
    if (number > toNumber(most))
      throw new Error(`"${text}" is too ${words.above}: it may be ${most} at most`);
    return number;
  };
}

export function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(port >= 1 && port <= 65_535))
    throw new Error(`"${text}" is no port: it must be a number from 1 to 65535`);
  return port;
}

/** A whole number within bounds. */
export function parseCount(least = 0, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(count >= least && count <= most)) {
      const bounds = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
      throw new Error(`"${text}" must be a whole number ${bounds}`);
    }
    return count;
  };
}

/** One of a few words, in any case. */
export function parseChoice<const W extends string>(...words: readonly W[]): (text: string) => W {
  return (text) => {
    const word = words.find((candidate) => candidate === text.toLowerCase());
    if (word === undefined) throw new Error(`"${text}" is unknown: it must be ${words.join(", ")}`);
    return word;
  };
}

/** `none` (or off) to undefined, anything else to the given parser. */
export function parseUnlessNone<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (/^(none|off)$/i.test(text) ? undefined : parse(text));
}

/** `none` (or off) to what is there then, anything else to the given parser. */
export function orNone<T>(parse: (text: string) => T, nothing: NoInfer<T>): (text: string) => T {
  const unless = parseUnlessNone(parse);
  return (text) => unless(text) ?? nothing;
}

/** A comma-separated list; empty items are left out. */
export function parseList<T>(parse: (text: string) => T): (text: string) => readonly T[] {
  return (text) =>
    text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "")
      .map(parse);
}

/** `k=v, k2=v2` to an object. */
export function parsePairs(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    parseList((item) => {
      const at = item.indexOf("=");
      if (at < 1) throw new Error(`"${item}" must be name=value`);
      return [item.slice(0, at).trim(), item.slice(at + 1).trim()] as const;
    })(text),
  );
}
