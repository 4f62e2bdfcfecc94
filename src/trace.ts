// Whether anybody wrote a database since it was last read, told from the marks of its files: nothing is opened, and no
// thread is needed to learn that nothing happened.
//
// Invariant: two equal marks, and what was read after the first was taken is what a reader would find now. A file's
// time moves in steps (a few milliseconds; two seconds at worst), within which it may be written twice: files give a
// mark only once they have been seen unchanged for longer than that, by our own clock.
import * as fs from "node:fs";
import { join } from "node:path";

export interface Trace {
  /** Undefined while a later write could leave the files as they look now, or where they cannot be looked at. */
  mark(): Promise<string | undefined>;
}

export interface TraceOptions {
  readonly directory: string;
  /** Of the database: `NAME/NAME.sqlite`, and what is set aside beside its folder. */
  readonly name: string;
  /** Files in the directory that belong to it. */
  readonly also?: readonly string[];
  readonly settledAfterMs?: number;
  readonly now?: () => number;
}

export function traceDatabase(options: TraceOptions): Trace {
  const { directory, name, also = [], settledAfterMs = 3000, now = () => performance.now() } = options;
  const file = join(directory, name, `${name}.sqlite`);
  const paths = [directory, file, `${file}-wal`, ...also.map((entry) => join(directory, entry))];
  let last: string | undefined;
  let sinceMs = 0;
  return {
    async mark() {
      const looks = await Promise.all(paths.map(look));
      const text = looks.includes(undefined) ? undefined : looks.join(" ");
      if (text === undefined || text !== last) {
        last = text;
        sinceMs = now();
        return undefined;
      }
      return now() - sinceMs >= settledAfterMs ? text : undefined;
    },
  };
}

/** A log without a byte is made and removed by whoever only reads. */
const nothing = "-";

function look(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    fs.stat(path, { bigint: true }, (error, stat) => {
      if (error) return resolve(error.code === "ENOENT" || error.code === "ENOTDIR" ? nothing : undefined);
      if (stat.isFile() && stat.size === 0n) return resolve(nothing);
      // Not the time of the inode: as root SQLite gives a log its owner anew whenever it opens it.
      resolve(`${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`);
    });
  });
}
