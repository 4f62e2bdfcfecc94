// Opens the spool that the directory allows: a disk, or memory where there is none.
import type { Thread } from "../thread.ts";
import { openMemorySpool } from "./memory.ts";
import { judgePlace } from "./place.ts";
import type { Spool } from "./spool.ts";
import { openSqliteSpool } from "./sqlite.ts";
import { openWorkerSpool } from "./worker.ts";

export interface SpoolOptions {
  /** Undefined: memory by choice. */
  readonly directory: string | undefined;
  readonly mostBytes: number;
  /** Where the disk's work is done, so that it never stops the caller's event loop; left out, in the calling thread. */
  readonly thread?: Thread | undefined;
  /** Told what a person should know: that the spool is memory and what to mount, that a database was set aside. */
  readonly report?: (message: string) => void;
}

/** A spool in memory must not bring the process down: it never takes more than this. */
const mostMemoryBytes = 64 * 2 ** 20;

/** Some 25 ms. Of a larger one a damaged row is noticed all the same, by its sum. */
const checkedOnTheWayBytes = 16 * 2 ** 20;
/** Nobody may come after a one-shot for long. */
const sweptAtEndMs = 2000;

/**
 * Throws a SpoolError (78) where the directory lies on a file system that cannot be shared safely. A disk that
 * cannot be written is an error of `add`, not of this: it may be mended while we run.
 */
export function openSpool({ directory, mostBytes, thread, report = () => {} }: SpoolOptions): Spool {
  const place = directory === undefined ? undefined : judgePlace(directory);
  if (directory !== undefined && place?.is === "disk") {
    const options = { directory, mostBytes, report };
    return thread
      ? openWorkerSpool(thread, options)
      : openSqliteSpool({ ...options, checkUpToBytes: checkedOnTheWayBytes, sweepAtEndMs: sweptAtEndMs });
  }
  if (place?.is === "memory") report(`the spool is memory: ${place.why}`);
  return openMemorySpool({ mostBytes: Math.min(mostBytes, mostMemoryBytes) });
}
