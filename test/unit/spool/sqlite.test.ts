// The spool on disk, where the disk, its file or another version of us misbehaves.
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

const root = fs.mkdtempSync(join(tmpdir(), "moustash-spool-"));
after(() => fs.rmSync(root, { recursive: true }));
const fresh = () => fs.mkdtempSync(join(root, "s-"));
const fileIn = (directory: string) => join(directory, "spool", "spool.sqlite");
const all = { count: 1_000_000, bytes: 2 ** 30 };

function open(directory: string, reports: string[] = [], mostBytes = 2 ** 26): Spool {
  return openSqliteSpool({ directory, mostBytes, report: (message) => reports.push(message) });
}

async function readAll(spool: Spool): Promise<readonly Envelope[]> {
  await using drain = await spool.drain();
  return drain!.next(all);
}

async function filled(directory: string, count: number): Promise<Envelope[]> {
  await using spool = open(directory);
  const rows = makeRun().many(count);
  await spool.add(rows);
  return rows;
}

test("nothing is made before something is added", async () => {
  const directory = join(fresh(), "not", "yet");
  await using spool = open(directory);
  assert.equal(await spool.waiting("r"), 0);
  assert.deepEqual(await readAll(spool), []);
  assert.equal((await spool.status()).count, 0);
  assert.equal(fs.existsSync(directory), false);
});

test("files belong to the group: 0660 in 2770, whatever the umask", async () => {
  const before = process.umask(0o077);
  const directory = join(fresh(), "spool");
  await using spool = open(directory);
  await spool.add(makeRun().many(3));
  await spool.reject(makeRun().make("poison"), "too large");
  await readAll(spool);
  process.umask(before);
  const modes = Object.fromEntries(
    [
      "",
      "spool",
      "spool/spool.sqlite",
      "spool/spool.sqlite-wal",
      "spool/spool.sqlite-shm",
      "drain.lock",
      "spool.lock",
      "rejected.ndjson",
    ].map((name) => [name, (fs.statSync(join(directory, name)).mode & 0o7777).toString(8)]),
  );
  const expected = { "": "2770", spool: "2770" };
  assert.deepEqual(modes, {
    ...Object.fromEntries(Object.keys(modes).map((name) => [name, "660"])),
    ...expected,
  });
});

test("what was committed is there for the next process, in order", async () => {
  const directory = fresh();
  const first = await filled(directory, 500);
  const second = await filled(directory, 500);
  await using spool = open(directory);
  assert.deepEqual(await readAll(spool), [...first, ...second]);
});

/** Every whole row of a damaged file must come back; the others cannot. */
const damages: Record<string, (bytes: Buffer) => Buffer> = {
  "cut in the middle": (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2) + 100),
  "without its first page": (bytes) => bytes.fill(0, 0, 4096),
  "with a foreign header": (bytes) =>
    Buffer.concat([Buffer.from("not a database at all"), bytes.subarray(21)]),
  "with a hole": (bytes) => bytes.fill(0xff, 5 * 4096, 9 * 4096),
  "with one bit flipped in a text": (bytes) => {
    const at = bytes.indexOf('"message":"123"') + 13;
    bytes[at] = bytes[at]! ^ 4;
    return bytes;
  },
};
for (const [name, damage] of Object.entries(damages)) {
  test(`a file ${name} is set aside, and its whole rows are recovered`, async () => {
    const directory = fresh();
    const rows = await filled(directory, 1000);
    const bytes = damage(fs.readFileSync(fileIn(directory)));
    fs.writeFileSync(fileIn(directory), bytes);
    const whole = rows.filter(({ body }) => bytes.includes(body));
    assert.ok(whole.length < rows.length || name.includes("first") || name.includes("foreign"));
    const reports: string[] = [];
    await using spool = open(directory, reports);
    const more = makeRun().many(3);
    await spool.add(more);
    const got = await readAll(spool);
    const bodies = new Set(got.map(({ body }) => body));
    assert.deepEqual(
      whole.filter(({ body }) => !bodies.has(body)).map(({ seq }) => seq),
      [],
      "whole rows that are missing",
    );
    assert.deepEqual(got.slice(-3), more, "new events come after the recovered");
    assert.deepEqual(
      got.map(({ seq }) => seq).slice(0, -3),
      got
        .map(({ seq }) => seq)
        .slice(0, -3)
        .toSorted((a, b) => a - b),
    );
    const aside = fs.readdirSync(directory).filter((entry) => entry.startsWith("spool-corrupt-"));
    assert.equal(aside.length, 1);
    assert.ok(!aside[0]!.endsWith(".pending"));
    assert.equal(reports.length, 1);
    assert.match(reports[0]!, /was damaged; \d+ rows were recovered; it was set aside as .*spool-corrupt-/);
  });
}

/** Where a bit can do most: SQLite's header, the heads of pages, and all that lies at their ends, as the meter does. */
function placesOf(bytes: Buffer): number[] {
  const pages = Array.from({ length: bytes.length / 4096 }, (_, page) => page * 4096);
  const heads = pages.flatMap((page) => [3, 4, 5, 7].map((at) => page + at));
  const meter = Array.from({ length: 14 }, (_, at) => 4 * 4096 - 1 - at);
  const keys = Array.from({ length: 12 }, (_, at) => 2 * 4096 - 1 - at);
  return [16, 18, 19, 20, 28, 43, 56, 59, 60, 61, 62, 63, 68, 71, ...heads, ...meter, ...keys];
}

test("any single flipped bit loses at most what it hit, and nothing that is added after it", async () => {
  const directory = fresh();
  const rows = await filled(directory, 60);
  const whole = fs.readFileSync(fileIn(directory));
  let seed = 42;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
  const places = [...placesOf(whole), ...Array.from({ length: 30 }, () => next() % whole.length)];
  for (const at of places) {
    const bit = (next() >> 8) % 8;
    const bytes = Buffer.from(whole);
    bytes[at] = bytes[at]! ^ (1 << bit);
    const place = fresh();
    fs.mkdirSync(join(place, "spool"));
    fs.writeFileSync(fileIn(place), bytes);
    await using spool = open(place);
    const more = makeRun().many(3);
    const where = `bit ${bit} of byte ${at % 4096} of page ${Math.floor(at / 4096) + 1}`;
    assert.deepEqual(await spool.add(more), { refused: [] }, where);
    const got: Envelope[] = [];
    for (let left = 20; left > 0; left -= 1) {
      await using drain = (await spool.drain())!;
      const some = await drain.next({ count: 25, bytes: 2 ** 30 });
      if (some.length === 0) break;
      got.push(...some);
      await drain.remove(some);
    }
    const bodies = new Set(got.map(({ body }) => body));
    const missing = [...rows, ...more].filter(({ body }) => !bodies.has(body));
    assert.ok(missing.length <= 1 && missing.every((row) => !more.includes(row)), where);
    assert.equal((await spool.status()).count, 0, where);
    fs.rmSync(place, { recursive: true });
  }
});

/** As a newer program would leave it. */
const isOf = (version: number) =>
  `pragma user_version = ${version}; pragma application_id = ${0x4d6f7500 + version}`;

test("a newer file is set aside under a clear name, and work goes on", async () => {
  const directory = fresh();
  await filled(directory, 5);
  const newer = new DatabaseSync(fileIn(directory));
  newer.exec(isOf(77));
  newer.close();
  const reports: string[] = [];
  await using spool = open(directory, reports);
  const rows = makeRun().many(2);
  await spool.add(rows);
  assert.deepEqual(await readAll(spool), rows);
  assert.ok(fs.readdirSync(directory).some((entry) => /^spool-v77-\d/.test(entry)));
  assert.match(reports.join(), /version 77/);
});

test("what an older program set aside is taken back by one that can read it, behind what is there", async () => {
  const directory = fresh();
  const newer = await filled(directory, 5);
  fs.renameSync(join(directory, "spool"), join(directory, "spool-v2-20260101T000000000Z"));
  const reports: string[] = [];
  await using spool = open(directory, reports);
  assert.equal((await spool.status()).count, 5);
  const more = makeRun().many(3);
  await spool.add(more);
  assert.deepEqual(await readAll(spool), [...newer, ...more]);
  assert.match(reports.join(), /5 rows were taken over from .*spool-v2-/);
  assert.ok(!fs.readdirSync(directory).some((entry) => entry.startsWith("spool-v")));
});

test("nothing is lost between two versions that take turns", async () => {
  const directory = fresh();
  const first = await filled(directory, 5);
  const file = new DatabaseSync(fileIn(directory));
  file.exec(isOf(5));
  file.close();
  const second = await filled(directory, 4);
  const aside = fs.readdirSync(directory).find((entry) => entry.startsWith("spool-v5-"))!;
  const later = new DatabaseSync(join(directory, aside, "spool.sqlite"));
  later.exec(isOf(4));
  later.close();
  fs.renameSync(join(directory, aside), join(directory, aside.replace("v5", "v4")));
  await using spool = open(directory);
  assert.deepEqual(await readAll(spool), [...second, ...first]);
  assert.equal((await spool.status()).count, 9);
});

test("a file of the first version is upgraded, rows and counts", async () => {
  const directory = fresh();
  const rows = await filled(directory, 5);
  const old = new DatabaseSync(fileIn(directory));
  old.exec("drop table meter; pragma user_version = 1");
  old.close();
  await using spool = open(directory);
  assert.equal((await spool.status()).count, 5);
  const more = makeRun().many(1);
  await spool.add(more);
  assert.deepEqual(await readAll(spool), [...rows, ...more]);
});

test("a spool that is set aside under an open connection loses no commit", async () => {
  const directory = fresh();
  await using one = open(directory);
  await using two = open(directory);
  const [first, second, third] = [makeRun().many(50), makeRun().many(50), makeRun().many(50)];
  await one.add(first);
  await two.add(second);
  fs.renameSync(join(directory, "spool"), join(directory, "spool-corrupt-1.pending"));
  await one.add(third);
  assert.deepEqual(new Set(await readAll(two)), new Set([...first, ...second, ...third]));
});
