// The reject file: events that the broker refuses for good, one JSON object a line, for a person to read and replay.
import * as fs from "node:fs";
import { join } from "node:path";
import type { Envelope } from "../envelope.ts";

/** A line of `rejected.ndjson`. */
interface Line extends Omit<Envelope, "body"> {
  readonly reason: string;
  readonly rejectedAt: string;
  /** The event itself, as it would have been sent. */
  readonly event: unknown;
}

const pathIn = (directory: string) => join(directory, "rejected.ndjson");

/** Appends with fsync: on disk when it returns. */
export function appendRejected(directory: string, envelope: Envelope, reason: string): void {
  const { body, ...rest } = envelope;
  const line: Line = { rejectedAt: new Date().toISOString(), reason, ...rest, event: JSON.parse(body) };
  const descriptor = fs.openSync(pathIn(directory), "a+", 0o660);
  try {
    const { size } = fs.fstatSync(descriptor);
    if (size === 0) fs.fchmodSync(descriptor, 0o660);
    // A line that a full disk cut short stays alone on its line.
    const torn = size > 0 && lastByte(descriptor, size) !== 0x0a;
    fs.writeFileSync(descriptor, `${torn ? "\n" : ""}${JSON.stringify(line)}\n`);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function lastByte(descriptor: number, size: number): number {
  const byte = new Uint8Array(1);
  fs.readSync(descriptor, byte, 0, 1, size - 1);
  return byte[0]!;
}

export function countRejected(directory: string): number {
  return linesOf(pathIn(directory)).length;
}

/**
 * Hands the rejected events to `add`, and empties the file once they are safe there. What a kill interrupts is
 * handed over again the next time.
 */
export async function replayRejected(
  directory: string,
  add: (envelopes: readonly Envelope[]) => Promise<void>,
): Promise<number> {
  const path = pathIn(directory);
  const taken = `${path}.replaying`;
  if (!fs.existsSync(taken)) {
    if (!fs.existsSync(path)) return 0;
    fs.renameSync(path, taken);
  }
  const envelopes = linesOf(taken).flatMap(parseLine);
  await add(envelopes);
  fs.unlinkSync(taken);
  return envelopes.length;
}

function linesOf(path: string): string[] {
  try {
    return fs
      .readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function parseLine(text: string): Envelope[] {
  try {
    const { rejectedAt, reason, event, ...rest } = JSON.parse(text) as Line;
    void rejectedAt;
    void reason;
    return [{ ...rest, body: JSON.stringify(event) }];
  } catch {
    return [];
  }
}
