// The spool's table: what is in a row, how much is admitted, what is taken and removed. Synchronous.
//
// Invariants:
// - Rows leave in the order of `position`, which never repeats: a new row is never mistaken for one that was read
//   and is being removed.
// - What was delivered from the head on is marked as such, by one number: to delete a row costs as much as to add it.
//   Its room is given back in bites, when there is time for it, and no later than others need it.
// - A row's sum covers all of it: what a disk damaged is noticed, never sent.
import type * as zlib from "node:zlib";
import {
  DamagedError,
  DiskError,
  type Database,
  type DatabaseOptions,
  type Adopted,
  type Found,
  type Sql,
  openDatabase,
} from "../database.ts";
import type { Envelope, EnvelopeClass, Route } from "../envelope.ts";
import { mendPlaces, type Place } from "./mend.ts";
import { repeatsUntil } from "./spool.ts";

const migrations = [
  `create table rows (
     position integer primary key,
     run text not null,
     seq integer not null,
     id text not null,
     class text not null,
     at integer not null,
     route text not null,
     body text not null,
     sum integer not null,
     unique (run, seq)
   ) strict`,
  // What waits, and the next position: kept, not counted at each commit.
  `create table meter (one integer primary key check (one = 1), count integer, bytes integer, next integer) strict;
   insert into meter
     select 1, count(*), coalesce(sum(octet_length(body) + 256), 0), coalesce(max(position), 0) + 1 from rows`,
  // A wrong next position would have new rows taken for those that are there, a wrong count the spool for full.
  `alter table meter add column sum integer not null default 0;
   update meter set sum = count + 3 * bytes + 7 * next`,
  // The last position of those that were delivered and may still be there.
  `alter table meter add column delivered integer not null default 0`,
];

/** What one event costs beside its body: the other columns, the index, unused parts of pages. Errs upwards. */
const overheadBytes = 256;
const costOf = (body: string) => Buffer.byteLength(body) + overheadBytes;

const costOfAll = (batches: readonly (readonly Envelope[])[]) =>
  batches.reduce((sum, batch) => batch.reduce((inner, { body }) => inner + costOf(body), sum), 0);

const columns = "position, run, seq, id, class, at, route, body, sum";
const insert = `insert into rows (${columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`;

/** Rows that were read, from the first position to the last. */
export interface Taken extends Extent {
  readonly envelopes: readonly Envelope[];
}

export interface Extent {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** What they cost. */
  readonly bytes: number;
  /** Of the last row: tells this file from another in its place. */
  readonly sum: number;
}

export interface Swept {
  readonly count: number;
  /** Whether more may be there. */
  readonly more: boolean;
}

export interface Rows extends Disposable {
  exists(): boolean;
  /** All batches in one transaction; gives for each what was refused. */
  add(batches: readonly (readonly Envelope[])[], mostBytes: number): Envelope[][];
  waiting(run: string): number;
  /** The oldest rows beyond a position. */
  next(after: number, most: { readonly count: number; readonly bytes: number }): Taken;
  /** False where they are not in this file as they were read. */
  removeTaken(taken: Extent): boolean;
  remove(envelopes: readonly Envelope[]): void;
  /** Gives back the room of at most so many delivered rows. */
  sweep(most: number): Swept;
  status(): { count: number; bytes: number; oldestAtMs?: number };
}

export function openRows(
  options: Pick<DatabaseOptions, "directory" | "report" | "busyMs" | "checkUpToBytes">,
): Rows {
  const database: Database = openDatabase({
    ...options,
    name: "spool",
    migrations,
    table: "rows",
    adopt,
  });

  function sweep(most: number): Swept {
    let large = false;
    const swept = database.makeRoom((sql) => {
      const meter = readMeter(sql);
      const bite = sweepBite(sql, meter, most);
      large = bite.count > 0 && isLargeAndEmpty(sql, meter);
      return bite;
    });
    if (large) database.shrink();
    return swept;
  }

  return {
    exists: () => database.exists(),
    add(batches, mostBytes) {
      const addAll = () =>
        database.write(costOfAll(batches), (sql) => {
          const meter = readMeter(sql);
          const before = meter.count;
          const refused = batches.map((batch) => addBatch(sql, meter, batch, mostBytes));
          writeMeter(sql, meter);
          // The file grows no further while it holds what was delivered.
          sweepBite(sql, meter, 2 * (meter.count - before));
          return refused;
        });
      try {
        return addAll();
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== "disk_full") throw error;
        if (sweep(sweptForRoom).count === 0) throw error;
        return addAll();
      }
    },
    waiting: (run) =>
      database.read((sql) => {
        const { delivered } = readMeter(sql);
        const count = sql("select count(*) as count from rows where run = ? and position > ?");
        return Number(count.get(run, delivered)!["count"]);
      }),
    next: (after, most) => database.read((sql) => next(sql, Math.max(after, readMeter(sql).delivered), most)),
    removeTaken(taken) {
      let emptied = false;
      const removed = database.makeRoom((sql) => {
        emptied = false;
        const found = sql("select sum from rows where position = ?").get(taken.last);
        if (found?.["sum"] !== taken.sum) return false;
        const meter = readMeter(sql);
        const older = sql("select 1 from rows where position > ? and position < ? limit 1");
        if (older.get(meter.delivered, taken.first)) {
          sql("delete from rows where position between ? and ?").run(taken.first, taken.last);
          recount(sql, meter);
        } else {
          const between = sql("select count(*) as count from rows where position between ? and ?");
          const { count } = between.get(Math.max(taken.first, meter.delivered + 1), taken.last)!;
          meter.delivered = Math.max(meter.delivered, taken.last);
          // Some were removed one by one meanwhile: what they cost is known no more.
          if (Number(count) !== taken.count) recount(sql, meter);
          else subtract(meter, taken);
        }
        writeMeter(sql, meter);
        emptied = meter.count === 0;
        return true;
      });
      // What is marked already may stay.
      if (emptied) whereDiskPermits(() => sweep(0));
      return removed;
    },
    remove(envelopes) {
      database.makeRoom((sql) => {
        const meter = readMeter(sql);
        for (const { run, seq, body } of envelopes) {
          const gone = sql("delete from rows where run = ? and seq = ? and position > ?");
          if (Number(gone.run(run, seq, meter.delivered).changes) > 0)
            subtract(meter, { count: 1, bytes: costOf(body) });
        }
        writeMeter(sql, meter);
      });
    },
    sweep,
    status: () =>
      database.read((sql) => {
        const { count, bytes, delivered } = readMeter(sql);
        const oldest = sql("select at from rows where position > ? order by position limit 1").get(delivered);
        return { count, bytes, ...(oldest && { oldestAtMs: Number(oldest["at"]) }) };
      }),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

/** False where the disk lets nothing be written. */
export function whereDiskPermits(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof DiskError) return false;
    throw error;
  }
}

interface Meter {
  count: number;
  bytes: number;
  next: number;
  delivered: number;
}

const meterSum = ({ count, bytes, next, delivered }: Meter) => count + 3 * bytes + 7 * next + 11 * delivered;

function readMeter(sql: Sql): Meter {
  const row = sql("select count, bytes, next, delivered, sum from meter where one = 1").get();
  if (!row) throw new DamagedError("the meter is missing");
  const meter = {
    count: Number(row["count"]),
    bytes: Number(row["bytes"]),
    next: Number(row["next"]),
    delivered: Number(row["delivered"]),
  };
  if (Number(row["sum"]) !== meterSum(meter)) throw new DamagedError("the meter is not what was written");
  return meter;
}

function writeMeter(sql: Sql, meter: Meter) {
  const { count, bytes, next, delivered } = meter;
  const update = "update meter set count = ?, bytes = ?, next = ?, delivered = ?, sum = ? where one = 1";
  sql(update).run(count, bytes, next, delivered, meterSum(meter));
}

function subtract(meter: Meter, { count, bytes }: Pick<Extent, "count" | "bytes">) {
  meter.count = Math.max(0, meter.count - count);
  meter.bytes = meter.count === 0 ? 0 : Math.max(0, meter.bytes - bytes);
}

function recount(sql: Sql, meter: Meter) {
  const size = `coalesce(sum(octet_length(body) + ${overheadBytes}), 0)`;
  const found = sql(`select count(*) as count, ${size} as bytes from rows where position > ?`);
  const { count, bytes } = found.get(meter.delivered)!;
  meter.count = Number(count);
  meter.bytes = Number(bytes);
}

/** Of all rows at once SQLite writes no page again that it frees, but it looks at each: 64 MB take some 0.1 s. */
const smallPages = 2 ** 14;
/** Where an addition has no room. */
const sweptForRoom = 4096;

const pragma = (sql: Sql, name: string) => Number(sql(`pragma ${name}`).get()![name]);
const isSmall = (sql: Sql) => pragma(sql, "page_count") - pragma(sql, "freelist_count") <= smallPages;

/** Deletes at most so many of the delivered rows, or all where no other is there and they are few. */
function sweepBite(sql: Sql, { count, delivered }: Meter, most: number): Swept {
  const oldest = Number(sql("select min(position) as position from rows").get()!["position"] ?? Infinity);
  if (oldest > delivered) return { count: 0, more: false };
  if (count === 0 && isSmall(sql) && newestOf(sql) <= delivered)
    return { count: Number(sql("delete from rows").run().changes), more: false };
  const last = Math.min(oldest + most - 1, delivered);
  const { changes } = sql("delete from rows where position <= ?").run(last);
  return { count: Number(changes), more: last < delivered };
}

const newestOf = (sql: Sql) => Number(sql("select max(position) as position from rows").get()!["position"]);

function isLargeAndEmpty(sql: Sql, { count }: Meter): boolean {
  if (count > 0 || pragma(sql, "freelist_count") <= 64) return false;
  return sql("select 1 from rows limit 1").get() === undefined;
}

function addBatch(sql: Sql, meter: Meter, batch: readonly Envelope[], mostBytes: number): Envelope[] {
  const refused: Envelope[] = [];
  let full = false;
  for (const envelope of batch) {
    const after = meter.bytes + costOf(envelope.body);
    const repeat = envelope.class === "repeat";
    if (full || after > (repeat ? mostBytes * repeatsUntil : mostBytes)) {
      refused.push(envelope);
      full ||= !repeat;
      continue;
    }
    const values = valuesOf(envelope, meter.next);
    if (Number(sql(insert).run(...values).changes) === 0) {
      // There already; but what was delivered, and perhaps rejected, may be put in again.
      const delivered = sql("delete from rows where run = ? and seq = ? and position <= ?");
      if (Number(delivered.run(envelope.run, envelope.seq, meter.delivered).changes) === 0) continue;
      sql(insert).run(...values);
    }
    meter.bytes = after;
    meter.count += 1;
    meter.next += 1;
  }
  return refused;
}

type Values = [number, string, number, string, string, number, string, string, number];

function valuesOf({ run, seq, id, class: kind, atMs, route, body }: Envelope, position: number): Values {
  const routes = JSON.stringify([route.type, route.host, route.program]);
  return [position, run, seq, id, kind, atMs, routes, body, sumOf(run, seq, id, kind, atMs, routes, body)];
}

/** zlib is loaded when the first row is made: most lives of a one-shot make none. */
let crc32: typeof zlib.crc32 | undefined;

function sumOf(run: string, seq: number, id: string, kind: string, at: number, routes: string, body: string) {
  crc32 ??= process.getBuiltinModule("node:zlib").crc32;
  return crc32(body, crc32(`${run}\n${seq}\n${id}\n${kind}\n${at}\n${routes}`));
}

/** As the table has them, from `run` on. */
type Columns = readonly [string, number, string, string, number, string, string, number];

/** Undefined where the sum says that these are not the values we wrote. */
function envelopeOf(values: readonly unknown[], from: number): Envelope | undefined {
  const run = values[from] as Columns[0];
  const seq = values[from + 1] as Columns[1];
  const id = values[from + 2] as Columns[2];
  const kind = values[from + 3] as Columns[3];
  const at = values[from + 4] as Columns[4];
  const routes = values[from + 5] as Columns[5];
  const body = values[from + 6] as Columns[6];
  const sum = values[from + 7] as Columns[7];
  // The sum of bytes does not tell a text from a blob.
  for (const text of [run, id, kind, routes, body]) if (typeof text !== "string") return undefined;
  if (sum !== sumOf(run, seq, id, kind, at, routes, body)) return undefined;
  return { id, run, seq, class: kind as EnvelopeClass, atMs: at, route: routeOf(routes), body };
}

/** Most rows go where the one before went. */
let lastRoute: { readonly text: string; readonly route: Route } | undefined;

function routeOf(text: string): Route {
  if (lastRoute?.text === text) return lastRoute.route;
  const [type, host, program] = JSON.parse(text) as [string, string, string];
  lastRoute = { text, route: { type, host, program } };
  return lastRoute.route;
}

function next(sql: Sql, after: number, most: { readonly count: number; readonly bytes: number }): Taken {
  const envelopes: Envelope[] = [];
  let bytes = 0;
  let [first, last, sum] = [after, after, 0];
  const rows = sql(`select ${columns} from rows where position > ? order by position limit ?`);
  rows.setReturnArrays(true);
  for (const row of rows.iterate(after, most.count)) {
    const values = row as unknown as readonly unknown[];
    const position = values[0] as number;
    const envelope = envelopeOf(values, 1);
    if (!envelope) throw new DamagedError(`row ${position} is not what was written`);
    const cost = costOf(envelope.body);
    if (envelopes.length > 0 && bytes + cost > most.bytes) break;
    bytes += cost;
    if (envelopes.length === 0) first = position;
    last = position;
    sum = values[8] as number;
    envelopes.push(envelope);
  }
  return { envelopes, first, last, count: envelopes.length, bytes, sum };
}

/**
 * Rows whose sums are right, in the order of their positions. Those of a damaged file keep them; those of another file
 * come behind what is here, as do those whose position is somebody else's.
 */
function adopt(sql: Sql, source: Found): Adopted {
  const found: Place[] = [];
  let broken = false;
  const rows = source.from === "damaged" ? source.rows : source.rows(deliveredIn(source.sql));
  for (const { rowid, values } of rows) {
    const envelope = values.length === 9 && values[0] === null && envelopeOf(values, 1);
    if (envelope) found.push({ position: rowid, envelope });
    else broken = true;
  }
  const meter = readMeter(sql);
  const put = (envelope: Envelope, position: number) => {
    if (Number(sql(insert).run(...valuesOf(envelope, position)).changes) === 0) return false;
    meter.count += 1;
    meter.bytes += costOf(envelope.body);
    meter.next = Math.max(meter.next, position + 1);
    return true;
  };
  const before = meter.count;
  const places = source.from === "damaged" ? mendPlaces(found) : found;
  for (const { position, envelope } of places.toSorted((one, other) => one.position - other.position)) {
    if (source.from === "newer" || !put(envelope, position)) put(envelope, meter.next);
  }
  writeMeter(sql, meter);
  return { count: meter.count - before, broken };
}

/** Without a meter that can be trusted nothing was: what comes twice is no loss. */
function deliveredIn(sql: Sql): number {
  try {
    return readMeter(sql).delivered;
  } catch (error) {
    if (error instanceof DamagedError) return 0;
    throw error;
  }
}
