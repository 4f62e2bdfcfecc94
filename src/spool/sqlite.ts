// The spool on disk, used in the calling thread: several processes share one directory.
//
// Invariants:
// - Calls of `add` that come together are committed together, with one fsync.
// - What the disk did not let us remove is not handed out again by this process; it may be by the next one.
import { join } from "node:path";
import { DiskError, takeLock } from "../database.ts";
import type { Envelope } from "../envelope.ts";
import { prepare, unwritable } from "./place.ts";
import { readNote, writeNote } from "./note.ts";
import { appendRejected, countRejected } from "./rejected.ts";
import { type Extent, type Taken, openRows, whereDiskPermits } from "./rows.ts";
import { type Admission, type Drain, type Spool, SpoolError } from "./spool.ts";

export interface SqliteSpoolOptions {
  readonly directory: string;
  readonly mostBytes: number;
  /** Told once what a person should know: a database was set aside, and where. */
  readonly report?: ((message: string) => void) | undefined;
  /** How long another process's transaction is waited for. */
  readonly busyMs?: number | undefined;
  /** How large a database is looked at whole when it is opened. */
  readonly checkUpToBytes?: number | undefined;
  /** How long, when it is closed, room is given back that delivered rows took; others go on with it. */
  readonly sweepAtEndMs?: number;
}

/** A bite takes some 5 ms: so long an addition may wait for it. */
const sweptAtOnce = 1024;
const sweepAfterMs = 10;

interface Waiting {
  readonly envelopes: readonly Envelope[];
  readonly resolve: (admission: Admission) => void;
  readonly reject: (error: unknown) => void;
}

export interface SqliteSpool extends Spool {
  /** Whether another would know as much as this one: nothing is owed to the disk, and no row of ours waits. */
  atRest(): boolean;
}

/** Opens nothing before it is needed. */
export function openSqliteSpool(options: SqliteSpoolOptions): SqliteSpool {
  const {
    directory,
    mostBytes,
    report = () => {},
    busyMs = 5000,
    checkUpToBytes,
    sweepAtEndMs = 500,
  } = options;
  const rows = openRows({ directory, report, busyMs, checkUpToBytes });
  const lockPath = join(directory, "drain.lock");
  let group: Waiting[] = [];
  const owed: Extent[] = [];
  let sweeping: NodeJS.Timeout | undefined;
  /** Runs of which no row waits, as far as this process added any: asking costs no disk. */
  const added = new Set<string>();

  /** Every trouble of the disk becomes a SpoolError that says what to do. */
  function onDisk<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explained(directory, error);
    }
  }

  function commitGroup() {
    const waiting = group;
    group = [];
    try {
      const refused = onDisk(() => {
        prepare(directory);
        return rows.add(
          waiting.map(({ envelopes }) => envelopes),
          mostBytes,
        );
      });
      for (const { envelopes } of waiting) for (const { run } of envelopes) added.add(run);
      for (const [index, { resolve }] of waiting.entries()) resolve({ refused: refused[index]! });
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  function payOwed() {
    for (; owed.length > 0; owed.shift()) rows.removeTaken(owed[0]!);
  }

  function startDrain(): Drain | undefined {
    if (!rows.exists()) return emptyDrain;
    const lock = takeLock(lockPath, 0);
    if (!lock) return undefined;
    let given: Taken[] = [];
    return {
      async next(most) {
        sweeping?.refresh();
        return onDisk(() => {
          // Positions that are owed say nothing of another file, should one have taken the place of this.
          if (owed.length > 0) whereDiskPermits(payOwed);
          const taken = rows.next((given.at(-1) ?? owed.at(-1))?.last ?? 0, most);
          if (taken.envelopes.length > 0) given.push(taken);
          return taken.envelopes;
        });
      },
      async remove(envelopes) {
        sweepSoon();
        onDisk(() => {
          const taken = given.find((one) => isSame(envelopes, one.envelopes));
          if (!taken) return rows.remove(envelopes);
          given = given.filter((one) => one !== taken);
          const { envelopes: all, ...extent } = taken;
          const done = whereDiskPermits(() => {
            payOwed();
            // One by one where another file has taken the place of the one they were read from.
            if (!rows.removeTaken(extent)) rows.remove(all);
          });
          // Delivered, and the disk lets nothing be written, not even that: do not send it again.
          if (!done) owed.push(extent);
        });
      },
      async [Symbol.asyncDispose]() {
        // What another left when it ended, too.
        sweepSoon();
        lock[Symbol.dispose]();
      },
    };
  }

  /** Bites of what was delivered, when nothing was asked for a moment, until nothing of it is left. */
  function sweepSoon() {
    if (sweeping) return void sweeping.refresh();
    sweeping = setTimeout(() => {
      sweeping = undefined;
      if (sweepOnce()) sweepSoon();
    }, sweepAfterMs).unref();
  }

  /** Whether more may be there. */
  function sweepOnce(): boolean {
    try {
      return rows.exists() && rows.sweep(sweptAtOnce).more;
    } catch {
      // It stays until the next drain, or until its room is needed.
      return false;
    }
  }

  function sweepAtEnd() {
    if (!sweeping) return;
    clearTimeout(sweeping);
    sweeping = undefined;
    const endsAtMs = performance.now() + sweepAtEndMs;
    while (performance.now() < endsAtMs && sweepOnce());
  }

  function isAtRest(): boolean {
    if (group.length > 0 || owed.length > 0 || sweeping) return false;
    try {
      for (const run of added) if (onDisk(() => rows.waiting(run)) === 0) added.delete(run);
      return added.size === 0;
    } catch {
      return false;
    }
  }

  return {
    durable: true,
    atRest: isAtRest,
    add(envelopes) {
      return new Promise((resolve, reject) => {
        group.push({ envelopes, resolve, reject });
        if (group.length === 1) setImmediate(commitGroup);
      });
    },
    async waiting(run) {
      if (!added.has(run)) return 0;
      const count = onDisk(() => rows.waiting(run));
      if (count === 0) added.delete(run);
      return count;
    },
    drain: async () => onDisk(startDrain),
    remove: async (envelopes) => onDisk(() => rows.remove(envelopes)),
    reject: async (envelope, reason) =>
      onDisk(() => {
        prepare(directory);
        appendRejected(directory, envelope, reason);
      }),
    note: async (reason) => writeNote(directory, reason),
    status: async () =>
      onDisk(() => {
        const rejected = countRejected(directory);
        if (!rows.exists()) return { count: 0, bytes: 0, mostBytes, rejected };
        const status = rows.status();
        const lastError = status.count > 0 ? readNote(directory) : undefined;
        return { ...status, mostBytes, rejected, ...(lastError && { lastError }) };
      }),
    async [Symbol.asyncDispose]() {
      sweepAtEnd();
      rows[Symbol.dispose]();
    },
  };
}

/** Of a spool in which nothing waits. */
export const emptyDrain: Drain = {
  next: async () => [],
  remove: async () => {},
  async [Symbol.asyncDispose]() {},
};

function isSame(some: readonly Envelope[], others: readonly Envelope[]): boolean {
  if (some === others) return true;
  return (
    some.length === others.length &&
    some.every(({ run, seq }, index) => others[index]!.run === run && others[index]!.seq === seq)
  );
}

function explained(directory: string, error: unknown): unknown {
  if (error instanceof SpoolError) return error;
  if (error instanceof DiskError) {
    if (error.code === "disk_full")
      return new SpoolError("spool_full", `${error.message}: make room there`, { cause: error });
    return new SpoolError("spool_unwritable", error.message, { cause: error });
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new SpoolError("spool_full", `${directory}: the file system is full: make room there`, {
      cause: error,
    });
  return syscall === undefined && code !== "ERR_SQLITE_ERROR" ? error : unwritable(directory, error);
}
