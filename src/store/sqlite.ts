// The store on disk, in a database of its own: a full or broken spool spares it. Used in the calling thread.
//
// Invariant: what the disk does not take is remembered in memory and written with the next change, so that a full
// disk makes a tool forgetful at worst after a crash, and never stops it.
import type * as zlib from "node:zlib";
import {
  DamagedError,
  type Database,
  DiskError,
  type Outlived,
  type Adopted,
  type Found,
  type Sql,
  openDatabase,
} from "../database.ts";
import type { Json, Store } from "./store.ts";

export interface SqliteStoreOptions {
  readonly directory: string;
  /** Told what a person should know; once for each trouble. */
  readonly report?: ((message: string) => void) | undefined;
  /** What a change outlives: a power cut unless told. */
  readonly outlives?: Outlived | undefined;
}

type Changes = ReadonlyMap<string, Json | undefined>;

/** A change is a new row: of a damaged file, the latest counts. */
const migrations = [
  `create table entries (
     number integer primary key autoincrement,
     space text not null,
     key text not null,
     value text not null,
     sum integer not null,
     unique (space, key)
   ) strict`,
];

export interface SqliteStore extends Store {
  /** Whether everything that is to be remembered is on disk. */
  atRest(): boolean;
}

/** Opens nothing before it is needed. */
export function openSqliteStore({ directory, report = () => {}, outlives }: SqliteStoreOptions): SqliteStore {
  const database: Database = openDatabase({
    directory,
    name: "store",
    migrations,
    table: "entries",
    adopt,
    report,
    ...(outlives && { outlives }),
  });
  const unwritten = new Map<string, Map<string, Json | undefined>>();
  let troubled = false;

  /** What the disk says, or nothing where it says no: a tool that remembers nothing still works. */
  function attempt<T>(work: () => T, otherwise: T): T {
    try {
      const result = work();
      troubled = false;
      return result;
    } catch (error) {
      if (!(error instanceof DiskError) && (error as NodeJS.ErrnoException).syscall === undefined)
        throw error;
      if (!troubled)
        report(
          `what is to be remembered cannot be written, and is kept in memory: ${(error as Error).message}`,
        );
      troubled = true;
      return otherwise;
    }
  }

  const read = (space: string) => {
    const found = attempt(
      () => (database.exists() ? database.read((sql) => readSpace(sql, space)) : new Map<string, Json>()),
      new Map<string, Json>(),
    );
    for (const [key, value] of unwritten.get(space) ?? []) {
      if (value === undefined) found.delete(key);
      else found.set(key, value);
    }
    return found;
  };

  return {
    durable: true,
    atRest: () => unwritten.size === 0,
    get: async (space, key) => read(space).get(key),
    entries: async (space) => read(space),
    async write(space, changes) {
      const all = unwritten.get(space) ?? new Map<string, Json | undefined>();
      for (const [key, value] of changes) all.set(key, value);
      unwritten.set(space, all);
      attempt(() => {
        database.write(roughBytesOf(unwritten), (sql) => {
          for (const [name, changed] of unwritten) writeSpace(sql, name, changed);
        });
        unwritten.clear();
      }, undefined);
    },
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
    },
  };
}

/** A value is seldom longer, and most take the place of another. */
const valueBytes = 1024;
const roughBytesOf = (unwritten: ReadonlyMap<string, Changes>) =>
  [...unwritten.values()].reduce((sum, changes) => sum + changes.size * valueBytes, 0);

function readSpace(sql: Sql, space: string): Map<string, Json> {
  const found = new Map<string, Json>();
  for (const { key, value, sum } of sql("select key, value, sum from entries where space = ?").iterate(
    space,
  )) {
    const entry = entryOf([space, key, value, sum]);
    if (!entry) throw new DamagedError(`what is remembered of ${space} is not what was written`);
    found.set(entry.key, JSON.parse(entry.value) as Json);
  }
  return found;
}

const insert = "insert or replace into entries (space, key, value, sum) values (?, ?, ?, ?)";

function writeSpace(sql: Sql, space: string, changes: Changes) {
  for (const [key, value] of changes) {
    if (value === undefined) sql("delete from entries where space = ? and key = ?").run(space, key);
    else put(sql, space, key, JSON.stringify(value));
  }
}

function put(sql: Sql, space: string, key: string, value: string) {
  sql(insert).run(space, key, value, sumOf(space, key, value));
}

let crc32: typeof zlib.crc32 | undefined;

function sumOf(space: string, key: string, value: string): number {
  crc32 ??= process.getBuiltinModule("node:zlib").crc32;
  return crc32(JSON.stringify([space, key, value]));
}

function entryOf(values: readonly unknown[]) {
  const [space, key, value, sum] = values;
  if (typeof space !== "string" || typeof key !== "string" || typeof value !== "string") return undefined;
  return sum === sumOf(space, key, value) ? { space, key, value } : undefined;
}

/** In the order in which they were written: the latest of each key stays. What is known here is newer than another file. */
function adopt(sql: Sql, found: Found): Adopted {
  const { from } = found;
  const whole = new Map<number, { space: string; key: string; value: string }>();
  let broken = false;
  for (const { rowid, values } of from === "damaged" ? found.rows : found.rows()) {
    const entry = values.length === 5 && values[0] === null && entryOf(values.slice(1));
    if (entry) whole.set(rowid, entry);
    else broken = true;
  }
  const count = () => Number(sql("select count(*) as count from entries").get()!["count"]);
  const before = count();
  for (const number of [...whole.keys()].toSorted((a, b) => a - b)) {
    const { space, key, value } = whole.get(number)!;
    if (from === "damaged" || !sql("select 1 from entries where space = ? and key = ?").get(space, key))
      put(sql, space, key, value);
  }
  return { count: count() - before, broken };
}
