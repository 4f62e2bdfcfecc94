// What was delivered is marked first, and its room given back later: it never comes again, whoever opens the spool.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import type { Envelope } from "../../../src/envelope.ts";
import type { Spool } from "../../../src/spool/spool.ts";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";
import { makeRun } from "../../contract/spool.ts";
import { eventually } from "../../servers/server.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-delivered-"));
after(() => fs.rmSync(root, { recursive: true }));
const fresh = () => fs.mkdtempSync(join(root, "s-"));
const all = { count: 1_000_000, bytes: 2 ** 30 };

const open = (directory: string, sweepAtEndMs = 0) =>
  openSqliteSpool({ directory, mostBytes: 2 ** 30, sweepAtEndMs });

/** Delivers so many, in batches of a hundred. */
async function deliver(spool: Spool, count: number): Promise<void> {
  await using drain = (await spool.drain())!;
  for (let left = count; left > 0; left -= 100) await drain.remove(await drain.next({ ...all, count: 100 }));
}

async function readAll(spool: Spool): Promise<readonly Envelope[]> {
  await using drain = await spool.drain();
  return drain!.next(all);
}

/** Rows in the file, delivered or not, and its pages. */
function inFile(directory: string) {
  using file = new DatabaseSync(join(directory, "spool", "spool.sqlite"));
  const number = (sql: string) => Number(Object.values(file.prepare(sql).get()!)[0]);
  return { rows: number("select count(*) from rows"), pages: number("pragma page_count") };
}

/** Of which so many are delivered, and still in the file. */
async function filled(directory: string, { count, delivered }: { count: number; delivered: number }) {
  await using spool = open(directory);
  const { many, run } = makeRun();
  const rows = many(count);
  await spool.add(rows);
  await deliver(spool, delivered);
  return { run, rows };
}

test("a row that was delivered is not given again, nor counted, though it is still there", async () => {
  const directory = fresh();
  const { rows, run } = await filled(directory, { count: 3000, delivered: 2000 });
  assert.equal(inFile(directory).rows, 3000);
  await using spool = open(directory);
  assert.equal((await spool.status()).count, 1000);
  await spool.remove(rows.slice(5, 15));
  assert.equal((await spool.status()).count, 1000);
  assert.deepEqual(await readAll(spool), rows.slice(2000));
  await spool.add(rows.slice(2990));
  assert.equal(await spool.waiting(run), 1000);
});

test("what was delivered may be put in again, as a rejected event is", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 300, delivered: 200 });
  await using spool = open(directory);
  assert.deepEqual(await spool.add([rows[7]!, rows[250]!]), { refused: [] });
  assert.equal((await spool.status()).count, 101);
  assert.deepEqual(await readAll(spool), [...rows.slice(200), rows[7]]);
});

test("its room is given back when nothing else is asked, until none is left", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 3000, delivered: 2000 });
  await using spool = open(directory);
  await spool.drain().then((drain) => drain![Symbol.asyncDispose]());
  assert.equal(spool.atRest(), false);
  await eventually(() => inFile(directory).rows === 1000, { what: "only what waits is in the file" });
  await eventually(() => spool.atRest(), { what: "the spool is at rest" });
  assert.deepEqual(await readAll(spool), rows.slice(2000));
});

test("a file that holds what was delivered does not grow", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 3000, delivered: 2000 });
  const { pages } = inFile(directory);
  await using spool = open(directory);
  const more = makeRun().many(1000);
  for (let at = 0; at < more.length; at += 50) await spool.add(more.slice(at, at + 50));
  assert.deepEqual(await readAll(spool), [...rows.slice(2000), ...more]);
  const now = inFile(directory);
  assert.equal(now.rows, 2000);
  assert.ok(now.pages <= pages + 20, `${now.pages} pages, ${pages} before`);
});

test("all room is given back when all is delivered, and at the end where there is time for it", async () => {
  const [atOnce, atEnd] = [fresh(), fresh()];
  await filled(atOnce, { count: 3000, delivered: 3000 });
  assert.equal(inFile(atOnce).rows, 0);
  assert.ok(inFile(atOnce).pages < 20);
  const { rows } = await filled(atEnd, { count: 3000, delivered: 1000 });
  {
    await using spool = open(atEnd, 10_000);
    await deliver(spool, 1000);
  }
  assert.equal(inFile(atEnd).rows, 1000);
  await using spool = open(atEnd);
  assert.deepEqual(await readAll(spool), rows.slice(2000));
});

test("what another version set aside comes back without what was delivered of it", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 300, delivered: 200 });
  fs.renameSync(join(directory, "spool"), join(directory, "spool-v3-20260101T000000000Z"));
  await using spool = open(directory);
  assert.deepEqual(await readAll(spool), rows.slice(200));
});

test("a folder of another version whose meter or a row is damaged loses nothing without a word", async () => {
  const damages: readonly [string, number][] = [
    ["update meter set delivered = delivered + 100", 300],
    ["delete from meter", 300],
    ["update rows set sum = sum + 1 where position = 250", 99],
  ];
  for (const [damage, expected] of damages) {
    const directory = fresh();
    await filled(directory, { count: 300, delivered: 200 });
    const aside = join(directory, "spool-v3-20260101T000000000Z");
    fs.renameSync(join(directory, "spool"), aside);
    {
      using file = new DatabaseSync(join(aside, "spool.sqlite"));
      file.exec(damage);
    }
    const reports: string[] = [];
    await using spool = openSqliteSpool({
      directory,
      mostBytes: 2 ** 30,
      report: (message) => reports.push(message),
    });
    assert.equal((await readAll(spool)).length, expected, damage);
    assert.match(reports.join(), new RegExp(`${expected} rows were taken over`));
    const isKept = fs.readdirSync(directory).some((name) => name.startsWith("spool-unreadable-"));
    assert.equal(isKept, expected === 99);
  }
});

test("what is owed of one file hides nothing in another that took its place", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 300, delivered: 0 });
  await using spool = openSqliteSpool({ directory, mostBytes: 2 ** 30, busyMs: 20 });
  {
    await using drain = (await spool.drain())!;
    assert.deepEqual(await drain.next(all), rows);
    using file = new DatabaseSync(join(directory, "spool", "spool.sqlite"));
    file.exec("begin immediate");
    await drain.remove(rows);
    file.exec("rollback");
  }
  fs.renameSync(join(directory, "spool"), join(directory, "elsewhere"));
  const others = makeRun().many(5);
  await spool.add(others);
  assert.deepEqual(await readAll(spool), others);
});

test("what was read from one file takes nothing from another in its place", async () => {
  const directory = fresh();
  const { rows } = await filled(directory, { count: 300, delivered: 0 });
  await using spool = open(directory);
  await using drain = (await spool.drain())!;
  assert.deepEqual(await drain.next(all), rows);
  fs.renameSync(join(directory, "spool"), join(directory, "elsewhere"));
  const others = makeRun().many(300);
  await using other = open(directory);
  await other.add(others);
  await drain.remove(rows);
  assert.deepEqual(await drain.next(all), others);
});
