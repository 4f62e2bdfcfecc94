// Opens a SQLite database of ours, upgrades it, and sets it aside where it is damaged or of a newer version:
// the only file that knows SQLite.
//
// Invariants:
// - What `write` returned is on disk (WAL, synchronous=FULL), in the file that stands at the path; where only our own
//   death has to be survived, with the kernel (NORMAL), which costs no wait for the disk.
//   Source: "PRAGMA synchronous", sqlite.org/pragma.html.
// - A database lies in a folder of its own, `NAME/NAME.sqlite`; it comes into being, and is set aside, by one
//   rename of that folder under a kernel lock (`NAME.lock`), so several processes never see half of one.
// - A write into a folder that was set aside meanwhile is noticed after its commit and done again at the path:
//   whoever set it aside reads it after the rename, so every commit is in one of the two, and repeats are the rooms' to bear.
// - A log whose frames are not what was written is damage: SQLite would drop what is behind them.
// - None but SQLite opens the database or its index while a connection is open: closing any descriptor would drop its locks.
//   Source: "How To Corrupt An SQLite Database File", sqlite.org/howtocorrupt.html, §2.2.
import { accessSync, constants, existsSync, renameSync, rmSync, statSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  identityOf,
  makeFolder,
  moveAway,
  moved,
  pending,
  readWhole,
  returned,
  stamp,
  syncFolder,
  touch,
} from "./database-folder.ts";
import { DamagedError, DiskError, NewerError, classify, explain, messageOf, readonly } from "./disk-error.ts";
import { type SalvagedRow, salvageRows } from "./salvage.ts";
import { damageOf } from "./write-ahead-log.ts";

export { DamagedError, DiskError };
export type { SalvagedRow };

export interface DatabaseOptions {
  /** Made where it is missing. */
  readonly directory: string;
  readonly name: string;
  /** SQL scripts; their number is the version. Each runs once, all in one transaction. */
  readonly migrations: readonly string[];
  /** The table whose rows are taken over from a file that was set aside; its first column is the rowid. */
  readonly table: string;
  /**
   * Takes rows of a file that was set aside into this one. Must bear repeats, and check each, for those of a damaged file
   * are what could be found; only these may keep their rowids.
   */
  readonly adopt: (sql: Sql, found: Found) => Adopted;
  /** Told what a person should know: something was set aside, and where. */
  readonly report: (message: string) => void;
  /** How long a process may wait for another's transaction. */
  readonly busyMs?: number;
  /** A larger file is not looked at whole when it is opened: 100 MB take some 0.2 s, too much for who is waited for. */
  readonly checkUpToBytes?: number | undefined;
  /** What a write outlives: a power cut unless told. */
  readonly outlives?: Outlived;
}

/** What a file that was set aside has; a whole one can be asked. */
export type Found =
  | { readonly from: "damaged"; readonly rows: Iterable<SalvagedRow> }
  | {
      readonly from: "newer";
      readonly sql: Sql;
      /** Those beyond a rowid. */
      readonly rows: (beyond?: number) => Iterable<SalvagedRow>;
    };

export interface Adopted {
  readonly count: number;
  /** Whether some were not what was written. */
  readonly broken: boolean;
}

export type Outlived = "power cut" | "process";

/** A statement, prepared once for each connection. */
export type Sql = (text: string) => Statement;

export interface Statement {
  run(...values: SQLInputValue[]): { changes: number | bigint };
  get(...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined;
  iterate(...values: SQLInputValue[]): Iterable<Record<string, SQLOutputValue>>;
  setReturnArrays(enabled: boolean): void;
}

export interface Database extends Disposable {
  /** Whether there is anything to read; false makes and opens nothing. */
  exists(): boolean;
  /**
   * One transaction that adds so many bytes; `work` may run again, in another file, when this one was damaged or moved.
   */
  write<T>(bytes: number, work: (sql: Sql) => T): T;
  /** The same for work that makes room: it may use the part of the file system that `write` leaves free for it. */
  makeRoom<T>(work: (sql: Sql) => T): T;
  read<T>(work: (sql: Sql) => T): T;
  /** Gives the room of deleted rows back to the file system, where that is possible now. */
  shrink(): void;
}

interface Connection {
  readonly database: DatabaseSync;
  readonly sql: Sql;
  readonly identity: string;
}

const defaultBusyMs = 5000;
const mostAttempts = 4;

/** Opens nothing yet: the first transaction does. */
export function openDatabase(options: DatabaseOptions): Database {
  const { directory, name, migrations, busyMs = defaultBusyMs } = options;
  const folder = join(directory, name);
  const path = join(folder, `${name}.sqlite`);
  let connection: Connection | undefined;

  function close() {
    const closing = connection;
    connection = undefined;
    closeQuietly(closing?.database);
  }

  function connect(): Connection {
    if (connection) return connection;
    if (!existsSync(path) || pending(options).length > 0) create(options, folder, path);
    if (returned(options, options.migrations.length).length > 0) takeBack(options, path);
    const identity = identityOf(path) ?? "";
    if (options.outlives !== "process") requireWholeLog(path);
    const database = openFile(path, busyMs, options.outlives);
    try {
      requireWholeTrees(database, options.checkUpToBytes);
      upgrade(database, migrations);
    } catch (error) {
      closeQuietly(database);
      throw error;
    }
    const statements = new Map<string, StatementSync>();
    const sql: Sql = (text) => {
      const known = statements.get(text) ?? database.prepare(text);
      statements.set(text, known);
      return known;
    };
    return (connection = { database, sql, identity });
  }

  function transaction<T>(begin: string, work: (sql: Sql) => T): T {
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt === mostAttempts;
      let identity: string | undefined;
      try {
        identity = connection?.identity ?? identityOf(path);
        const current = connect();
        identity = current.identity;
        const result = within(current, begin, migrations.length, work);
        if (last || identityOf(path) === identity) return result;
        close();
      } catch (error) {
        let trouble = classify(error);
        if (trouble === "disk_unwritable" && moved(path, identity)) trouble = "moved";
        if (trouble === "disk_unwritable" && isReadonlyOfItself(path, error)) trouble = "damaged";
        if (trouble !== "disk_busy") close();
        if (trouble === undefined) throw error;
        if (!last && (trouble === "damaged" || trouble === "newer" || trouble === "moved")) {
          if (trouble !== "moved")
            setAside(
              options,
              folder,
              path,
              identity,
              trouble,
              error instanceof NewerError ? error.version : 0,
            );
          continue;
        }
        if (trouble === "damaged" || trouble === "newer" || trouble === "moved")
          throw new DiskError("disk_unwritable", `${path}: ${messageOf(error)}`, { cause: error });
        throw new DiskError(trouble, explain(trouble, path, error), { cause: error });
      }
    }
  }

  /**
   * Inside the transaction, when nobody else adds. What is added is written twice, to the log and to the file, and the
   * file owes what is in the log already: a log that cannot go into its file can never be emptied.
   */
  function requireRoom(sql: Sql | undefined, addedBytes: number) {
    const { bytes: kept, freeBytes } = reserveOf(directory);
    const need = kept + 2 * (addedBytes + transactionBytes);
    if (freeBytes >= need + plentyBytes) return;
    const pages = (name: string) => Number(sql?.(`pragma ${name}`).get()![name] ?? 0) * 4096;
    const owed = sql ? Math.max(0, pages("page_count") - sizeOf(path)) : 0;
    // Of deleted rows, in the file: adding makes it no larger.
    const unused = pages("freelist_count");
    if (freeBytes + unused - owed >= need) return;
    const message = `${directory}: the file system is full (${freeBytes} bytes are left, the last ${kept} are kept for making room)`;
    throw new DiskError("disk_full", message);
  }

  return {
    exists: () =>
      existsSync(path) ||
      (existsSync(directory) &&
        pending(options).length + returned(options, options.migrations.length).length > 0),
    write(bytes, work) {
      if (!existsSync(path)) requireRoom(undefined, bytes);
      return transaction("begin immediate", (sql) => {
        requireRoom(sql, bytes);
        return work(sql);
      });
    },
    makeRoom: (work) => transaction("begin immediate", work),
    read: (work) => transaction("begin", work),
    shrink() {
      try {
        connection?.database.exec("vacuum; pragma wal_checkpoint(truncate)");
      } catch {
        // Another process reads or writes: its file shrinks another time.
      }
    },
    [Symbol.dispose]: close,
  };
}

/**
 * A lock that the kernel takes back when its holder dies, whatever pid namespace it lives in: SQLite's own lock
 * on a file of its own. Undefined while another holds it; rejects nothing, waits at most `busyMs`.
 */
export function takeLock(path: string, busyMs: number): Disposable | undefined {
  touch(path);
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    // No journal: nothing is ever written.
    database.exec("pragma journal_mode = memory; begin exclusive");
  } catch (error) {
    closeQuietly(database);
    if (classify(error) === "disk_busy") return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => closeQuietly(database) };
}

/** How long a writer may be in the midst of a frame: its disk may be nearly full, or busy. */
const unfinishedMs = 2000;

/** SQLite takes a damaged log for a shorter one. What a living writer has half written is looked at again. */
function requireWholeLog(path: string) {
  const look = () => damageOf(readWhole(`${path}-wal`));
  const first = look();
  if (!first) return;
  const endsAtMs = performance.now() + (first.last ? unfinishedMs : 50);
  while (performance.now() < endsAtMs) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    if (look()?.at !== first.at) return;
  }
  throw new DamagedError(`its log is not what was written, from byte ${first.at} on`);
}

/** Read-only because a byte of its header says so, though the disk would let us write. */
function isReadonlyOfItself(path: string, error: unknown): boolean {
  if ((error as { errcode?: number }).errcode !== readonly) return false;
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Looked at whole in some 20 ms. */
const smallBytes = 8 * 2 ** 20;

/**
 * A page that says less than it holds hides rows; one in which keys are out of order gives the same rows for ever. A
 * small database is looked at whole, with its indices; a large one (a third of the time) without them.
 */
function requireWholeTrees(database: DatabaseSync, upToBytes = Infinity) {
  const bytes = Number(database.prepare("pragma page_count").get()!["page_count"]) * 4096;
  if (bytes > upToBytes) return;
  const check = bytes <= smallBytes ? "integrity_check" : "quick_check";
  const found = database.prepare(`pragma ${check}(1)`).get()?.[check];
  if (found !== "ok") throw new DamagedError(String(found));
}

/** No release will ever have so many versions: a number beyond is damage. */
const mostVersions = 1000;

function openFile(path: string, busyMs: number, outlives: Outlived = "power cut"): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    database.exec(
      `pragma journal_mode = ${journalMode(path)}; pragma synchronous = ${outlives === "process" ? "normal" : "full"}; pragma temp_store = memory`,
    );
    const pages = Math.floor(reserveOf(path).bytes / 4 / 4096);
    database.exec(`pragma wal_autocheckpoint = ${Math.min(1000, pages)}`);
  } catch (error) {
    closeQuietly(database);
    throw error;
  }
  return database;
}

/**
 * The log's index is shared memory in a file, of which SQLite allocates the last byte of each memory page: where
 * blocks are smaller (ext4 below 512 MB), a full disk would end us with SIGBUS, as it did; there, the older journal.
 */
function journalMode(path: string): "wal" | "truncate" {
  return statfsSync(path).bsize < 4096 ? "truncate" : "wal";
}

/**
 * Deleting needs room first (the log, and the file when the log goes into it). So the last part of the file system,
 * several times the log, is not for adding: else a spool that filled its disk could never be emptied.
 */
function reserveOf(path: string): { bytes: number; freeBytes: number } {
  // A directory that is still to be made will lie where the nearest one above it does.
  if (!existsSync(path)) return reserveOf(dirname(path));
  const { bsize, blocks, bavail } = statfsSync(path);
  const bytes = Math.min(Math.max((bsize * blocks) / 8, 2 ** 18), 2 ** 24);
  return { bytes: Math.floor(bytes), freeBytes: bsize * bavail };
}

/** What the smallest transaction writes: a page of each tree. */
const transactionBytes = 2 ** 15;
/** With so much more, how much it is exactly need not be asked. */
const plentyBytes = 2 ** 28;

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function upgrade(database: DatabaseSync, migrations: readonly string[]) {
  if (versionOf(database) >= migrations.length) return;
  database.exec("begin immediate");
  try {
    for (const script of migrations.slice(versionOf(database))) database.exec(script);
    const version = migrations.length;
    database.exec(`pragma user_version = ${version}; pragma application_id = ${markOf(version)}; commit`);
  } catch (error) {
    rollback(database);
    throw error;
  }
}

/** The version once more: a bit that flipped in it must not be taken for a newer program. "Mou", and the version. */
const markOf = (version: number) => 0x4d6f7500 + version;

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("pragma user_version").get()!["user_version"]);
}

function within<T>({ database, sql }: Connection, begin: string, version: number, work: (sql: Sql) => T): T {
  sql(begin).run();
  try {
    const found = Number(sql("pragma user_version").get()!["user_version"]);
    if (found > mostVersions || found < version) throw new DamagedError(`version ${found} cannot be`);
    if (found > version) {
      const mark = Number(sql("pragma application_id").get()!["application_id"]);
      if (mark === markOf(version)) throw new DamagedError(`version ${found} cannot be`);
      throw new NewerError(found);
    }
    const result = work(sql);
    sql("commit").run();
    return result;
  } catch (error) {
    rollback(database);
    throw error;
  }
}

function rollback(database: DatabaseSync) {
  if (!database.isTransaction) return;
  try {
    database.exec("rollback");
  } catch {
    // The connection is closed next, which ends the transaction all the same.
  }
}

function closeQuietly(database: DatabaseSync | undefined) {
  try {
    database?.close();
  } catch {
    // A connection to a damaged file: there is nothing left to keep.
  }
}

/** Under the lock: a whole, empty or recovered database appears at the path by one rename. */
function create(options: DatabaseOptions, folder: string, path: string) {
  if (!existsSync(options.directory)) makeFolder(options.directory);
  using _lock = lockFolder(options);
  if (!existsSync(path)) {
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    if (existsSync(folder)) moveAway(options, folder, `corrupt-${stamp()}.pending`);
    makeFolder(fresh);
    const file = join(fresh, `${options.name}.sqlite`);
    touch(file);
    const database = openFile(file, 0);
    try {
      upgrade(database, options.migrations);
      for (const damaged of pending(options)) recover(options, database, damaged);
    } finally {
      closeQuietly(database);
    }
    renameSync(fresh, folder);
    syncFolder(options.directory);
  }
  // The new file stands only after their rows are in it.
  for (const damaged of pending(options)) renameSync(damaged, damaged.replace(/\.pending$/, ""));
  syncFolder(options.directory);
}

function recover(options: DatabaseOptions, database: DatabaseSync, damaged: string) {
  const read = (end: string) => readWhole(join(damaged, `${options.name}.sqlite${end}`));
  database.exec("begin immediate");
  const rows = salvageRows(read(""), read("-wal"));
  const { count } = options.adopt((text) => database.prepare(text), { from: "damaged", rows });
  database.exec("commit");
  const kept = damaged.replace(/\.pending$/, "");
  options.report(
    `${options.name}: the database was damaged; ${count} rows were recovered; it was set aside as ${kept}`,
  );
}

/** Under the lock: rows that an older program could not read move over; then their folder goes. */
function takeBack(options: DatabaseOptions, path: string) {
  using _lock = lockFolder(options);
  const busyMs = options.busyMs ?? defaultBusyMs;
  for (const folder of returned(options, options.migrations.length)) {
    const file = join(folder, `${options.name}.sqlite`);
    const from = openFile(file, busyMs);
    const to = openFile(path, busyMs);
    try {
      upgrade(from, options.migrations);
      upgrade(to, options.migrations);
      to.exec("begin immediate");
      const { count, broken } = options.adopt((text) => to.prepare(text), {
        from: "newer",
        sql: (text) => from.prepare(text),
        rows: (beyond) => rowsIn(from, options.table, beyond),
      });
      to.exec("commit");
      closeQuietly(from);
      const taken = `${options.name}: ${count} rows were taken over from ${folder}, which this program can read`;
      if (broken) {
        const kept = moveAway(options, folder, `unreadable-${stamp()}`);
        options.report(`${taken}; others are not what was written: it is kept as ${kept}`);
        continue;
      }
      if (count > 0) options.report(taken);
      // First what makes it one that returned, should we end between.
      rmSync(file);
      rmSync(folder, { recursive: true });
    } catch (error) {
      if (classify(error) !== "damaged") throw error;
      // Most likely the other file: were it the one at the path, the next transaction would find that out.
      const kept = moveAway(options, folder, `unreadable-${stamp()}`);
      options.report(
        `${options.name}: ${folder} cannot be read (${messageOf(error)}); it is kept as ${kept}`,
      );
    } finally {
      closeQuietly(from);
      closeQuietly(to);
    }
  }
}

function* rowsIn(database: DatabaseSync, table: string, beyond = 0): Generator<SalvagedRow> {
  const statement = database.prepare(`select * from ${table} where rowid > ? order by rowid`);
  statement.setReturnArrays(true);
  for (const row of statement.iterate(beyond)) {
    const [rowid, ...values] = row as unknown as [number, ...SalvagedRow["values"]];
    yield { rowid, values: [null, ...values] };
  }
}

function setAside(
  options: DatabaseOptions,
  folder: string,
  path: string,
  identity: string | undefined,
  trouble: "damaged" | "newer",
  version: number,
) {
  using _lock = lockFolder(options);
  // Another process may have done it already: what stands at the path now is another file.
  if (identity === undefined || identityOf(path) !== identity) return;
  if (trouble === "damaged") {
    moveAway(options, folder, `corrupt-${stamp()}.pending`);
    return;
  }
  const place = moveAway(options, folder, `v${version}-${stamp()}`);
  options.report(
    `${options.name}: the database is of version ${version}, written by a newer program; it was set aside as ${place}`,
  );
}

function lockFolder({ directory, name, busyMs = defaultBusyMs }: DatabaseOptions): Disposable {
  const path = join(directory, `${name}.lock`);
  const lock = takeLock(path, busyMs);
  if (!lock)
    throw new DiskError("disk_busy", `${path} is held by another process for more than ${busyMs} ms`);
  return lock;
}
