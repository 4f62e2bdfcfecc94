// The spool's files, as somebody sees them who knows nothing of what is in them: names and bytes.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

export const logOf = (database: string) => `${database}-wal`;

export async function databases(spool: string): Promise<string[]> {
  const names = await readdir(spool, { recursive: true });
  return names.filter((name) => name.endsWith("spool.sqlite")).map((name) => join(spool, name));
}

/** All bytes of a spool: of its database, and of the log beside it. */
export type Bytes = readonly Buffer[];

export const bytesOf = (database: string): Promise<Bytes> =>
  Promise.all([database, logOf(database)].map((path) => readFile(path).catch(() => Buffer.alloc(0))));

/** An event with what belongs to it is not longer than this, in either direction of its mark. */
const reach = 700;

/** A log that is cut short loses all that was written together with what was cut off: at most so much. */
const commitBytes = 160 * 1024;

/** Whether somewhere the bytes around an event's mark, a row's worth, are what they were. */
export function isWhole(mark: string, before: Bytes, after: Bytes): boolean {
  return before.some((bytes, index) => {
    const now = after[index]!;
    const isCutLog = index === 1 && now.length < bytes.length;
    const end = isCutLog ? now.length - commitBytes : now.length;
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) {
      const [from, to] = [Math.max(0, at - reach), at + reach];
      if (to <= end && bytes.subarray(from, to).equals(now.subarray(from, to))) return true;
    }
    return false;
  });
}
