// The reject file: events that the broker refuses for good, one JSON object a line, for a person to read and replay.
//
// Invariant: who adds a line and who takes the file to replay it do so one after the other, under a lock of the kernel:
// a line added to a file that was just read would go with it.
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DiskError, takeLock } from "../database.ts";
import type { Envelope } from "../envelope.ts";

/** A line of `rejected.ndjson`. */
interface Line extends Omit<Envelope, "body"> {
  readonly reason: string;
  readonly rejectedAt: string;
  /** The event itself, as it would have been sent. */
  readonly event: unknown;
}

export const rejectedFile = "rejected.ndjson";
const pathIn = (directory: string) => join(directory, rejectedFile);
const takenIn = (directory: string) => `${pathIn(directory)}.replaying`;
const lockMs = 5000;

function lock(directory: string): Disposable {
  const path = join(directory, "rejected.lock");
  const taken = takeLock(path, lockMs);
  if (taken) return taken;
  throw new DiskError("disk_busy", `${path} is held by another process for more than ${lockMs} ms`);
}

/** Appends with fsync: on disk when it returns. */
export function appendRejected(directory: string, envelope: Envelope, reason: string): void {
  const { body, ...rest } = envelope;
  const line: Line = { rejectedAt: new Date().toISOString(), reason, ...rest, event: JSON.parse(body) };
  using _lock = lock(directory);
  append(pathIn(directory), JSON.stringify(line));
}

function append(path: string, text: string): void {
  const descriptor = openSync(path, "a+", 0o660);
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) fchmodSync(descriptor, 0o660);
    // A line that a full disk cut short stays alone on its line.
    const torn = size > 0 && lastByte(descriptor, size) !== 0x0a;
    writeFileSync(descriptor, `${torn ? "\n" : ""}${text}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function lastByte(descriptor: number, size: number): number {
  const byte = new Uint8Array(1);
  readSync(descriptor, byte, 0, 1, size - 1);
  return byte[0]!;
}

/** Those that are to be replayed, too: of a replay that had no room, or died. */
export function countRejected(directory: string): number {
  return countLines(pathIn(directory)) + countLines(takenIn(directory));
}

export interface Replayed {
  /** Lines that cannot be read; they stay in the file. */
  readonly unreadable: number;
  /** Whether some found no room: they come first the next time. */
  readonly more: boolean;
}

/** More in one step gains nothing. */
const mostInStep = { lines: 1024, bytes: 2 ** 22 };

/**
 * Hands the rejected events to `add`, step by step, and empties the file once they are safe there; what `add` gives
 * back, for want of room, stays with all that is behind it. What a kill interrupts is handed over again the next time.
 */
export async function replayRejected(
  directory: string,
  add: (envelopes: readonly Envelope[]) => Promise<readonly Envelope[]>,
): Promise<Replayed> {
  const [path, taken] = [pathIn(directory), takenIn(directory)];
  if (!existsSync(path) && !existsSync(taken)) return { unreadable: 0, more: false };
  using _lock = lock(directory);
  if (!existsSync(taken)) {
    if (!existsSync(path)) return { unreadable: 0, more: false };
    renameSync(path, taken);
  }
  const broken: string[] = [];
  let left: { readonly texts: readonly string[]; readonly from: number } | undefined;
  for (const { texts, end } of stepsOf(taken)) {
    const lines = texts.map((text) => ({ text, envelope: parseLine(text) }));
    const envelopes = lines.flatMap(({ envelope }) => envelope ?? []);
    const back = new Set(envelopes.length > 0 ? await add(envelopes) : []);
    for (const { text, envelope } of lines) if (envelope === undefined) broken.push(text);
    if (back.size === 0) continue;
    const refused = lines.filter(({ envelope }) => envelope !== undefined && back.has(envelope));
    left = { texts: refused.map(({ text }) => text), from: end };
    break;
  }
  if (broken.length > 0) append(path, broken.join("\n"));
  if (left) keepFrom(taken, left.texts, left.from);
  else unlinkSync(taken);
  return { unreadable: broken.length, more: left !== undefined };
}

/** The file becomes these lines, and what stands in it from a byte on. */
function keepFrom(path: string, texts: readonly string[], from: number) {
  const fresh = `${path}.new`;
  writeFileSync(fresh, texts.map((text) => `${text}\n`).join(""), { mode: 0o660 });
  const [source, target] = [openSync(path, "r"), openSync(fresh, "a")];
  try {
    fchmodSync(target, 0o660);
    for (const { chunk } of chunksOf(source, from)) writeFileSync(target, chunk);
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
  renameSync(fresh, path);
}

interface Step {
  readonly texts: readonly string[];
  /** The byte behind the last of them. */
  readonly end: number;
}

/** Lines, some at a time: the file may be larger than a text can be. */
function* stepsOf(path: string): Generator<Step> {
  const descriptor = openSync(path, "r");
  try {
    let texts: string[] = [];
    let begun: Buffer[] = [];
    let [begin, end] = [0, 0];
    const endLine = (last: Buffer) => {
      const text = Buffer.concat([...begun, last]).toString("utf8");
      begun = [];
      if (text !== "") texts.push(text);
    };
    for (const { chunk, at } of chunksOf(descriptor)) {
      let start = 0;
      for (let next = chunk.indexOf(lineFeed); next >= 0; next = chunk.indexOf(lineFeed, start)) {
        endLine(chunk.subarray(start, next));
        start = next + 1;
        end = at + start;
        if (texts.length < mostInStep.lines && end - begin < mostInStep.bytes) continue;
        yield { texts, end };
        texts = [];
        begin = end;
      }
      if (start < chunk.length) begun.push(Buffer.from(chunk.subarray(start)));
    }
    if (begun.length > 0) {
      end += begun.reduce((sum, { length }) => sum + length, 0);
      endLine(Buffer.alloc(0));
    }
    if (texts.length > 0) yield { texts, end };
  } finally {
    closeSync(descriptor);
  }
}

function countLines(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  try {
    let count = 0;
    let last = lineFeed;
    for (const { chunk } of chunksOf(descriptor)) {
      for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
        // An empty one is none.
        if ((at === 0 ? last : chunk[at - 1]) !== lineFeed) count += 1;
      }
      last = chunk.at(-1)!;
    }
    return last === lineFeed ? count : count + 1;
  } finally {
    closeSync(descriptor);
  }
}

const lineFeed = 0x0a;
const chunkBytes = 2 ** 16;

/** Each is overwritten by the next. */
function* chunksOf(descriptor: number, from = 0): Generator<{ chunk: Buffer; at: number }> {
  const buffer = Buffer.alloc(chunkBytes);
  for (let at = from; ;) {
    const length = readSync(descriptor, buffer, 0, buffer.length, at);
    if (length === 0) return;
    yield { chunk: buffer.subarray(0, length), at };
    at += length;
  }
}

/** Undefined where it is none of ours, or was cut short: a person may have written in it. */
function parseLine(text: string): Envelope | undefined {
  try {
    const { rejectedAt, reason, event, ...rest } = JSON.parse(text) as Line;
    void rejectedAt;
    void reason;
    const { type, host, program } = rest.route;
    const texts = [rest.id, rest.run, rest.class, type, host, program];
    const numbers = [rest.seq, rest.atMs];
    if (!texts.every((value) => typeof value === "string") || !numbers.every(Number.isFinite))
      return undefined;
    return typeof event === "object" && event !== null ? { ...rest, body: JSON.stringify(event) } : undefined;
  } catch {
    return undefined;
  }
}
