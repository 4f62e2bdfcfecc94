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
  readFileSync,
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
  return linesOf(pathIn(directory)).length + linesOf(takenIn(directory)).length;
}

/**
 * Hands the rejected events to `add`, and empties the file once they are safe there. What a kill interrupts is
 * handed over again the next time. Lines that cannot be read stay in the file: gives how many.
 */
export async function replayRejected(
  directory: string,
  add: (envelopes: readonly Envelope[]) => Promise<void>,
): Promise<number> {
  const [path, taken] = [pathIn(directory), takenIn(directory)];
  if (!existsSync(path) && !existsSync(taken)) return 0;
  using _lock = lock(directory);
  if (!existsSync(taken)) {
    if (!existsSync(path)) return 0;
    renameSync(path, taken);
  }
  const lines = linesOf(taken).map((text) => ({ text, envelope: parseLine(text) }));
  await add(lines.flatMap(({ envelope }) => envelope ?? []));
  const unreadable = lines.filter(({ envelope }) => envelope === undefined);
  if (unreadable.length > 0) append(path, unreadable.map(({ text }) => text).join("\n"));
  unlinkSync(taken);
  return unreadable.length;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
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
