// The spool on disk, where its users were killed and its write-ahead log is not what they wrote.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import type { Envelope } from "../../../src/envelope.ts";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";
import { damageOf } from "../../../src/write-ahead-log.ts";
import { makeRun } from "../../contract/spool.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-log-"));
after(() => fs.rmSync(root, { recursive: true }));
const fresh = () => fs.mkdtempSync(join(root, "s-"));
const database = (directory: string) => join(directory, "spool", "spool.sqlite");
const log = (directory: string) => `${database(directory)}-wal`;

interface Left {
  readonly rows: readonly Envelope[];
  readonly file: Buffer;
  readonly log: Buffer;
}

/** What a killed process leaves: many commits in the log; with `turns`, over those of an earlier turn. */
async function leave({ turns = false } = {}): Promise<Left> {
  const directory = fresh();
  await using spool = openSqliteSpool({ directory, mostBytes: 2 ** 26 });
  const { many } = makeRun();
  const rows: Envelope[] = [];
  const add = async (count: number) => {
    const batch = many(count);
    rows.push(...batch);
    await spool.add(batch);
  };
  for (let commit = 0; commit < 30; commit += 1) await add(1 + (commit % 3));
  if (turns) {
    const other = new DatabaseSync(database(directory));
    other.exec("pragma wal_checkpoint(restart)");
    other.close();
    for (let commit = 0; commit < 10; commit += 1) await add(1);
  }
  return { rows, file: fs.readFileSync(database(directory)), log: fs.readFileSync(log(directory)) };
}

/** Whether some copy of the row, with the columns before its body and the sum behind it, was not hit. */
function isWhole(body: string, log: Buffer, hit: number): boolean {
  for (let at = log.indexOf(body); at >= 0; at = log.indexOf(body, at + 1))
    if (hit < at - 200 || hit > at + body.length + 8) return true;
  return false;
}

async function readBack(left: Pick<Left, "file" | "log">) {
  const directory = fresh();
  fs.mkdirSync(join(directory, "spool"));
  fs.writeFileSync(database(directory), left.file);
  fs.writeFileSync(log(directory), left.log);
  const reports: string[] = [];
  const report = (message: string) => void reports.push(message);
  await using spool = openSqliteSpool({ directory, mostBytes: 2 ** 26, report });
  await using drain = await spool.drain();
  return { rows: await drain!.next({ count: 1_000_000, bytes: 2 ** 30 }), reports };
}

for (const turns of [false, true]) {
  const which = turns ? "a log in its second turn" : "a log";

  test(`${which} that nobody touched is whole, and so is one that ends within a frame`, async () => {
    const left = await leave({ turns });
    assert.equal(damageOf(left.log), undefined);
    assert.deepEqual(await readBack(left), { rows: left.rows, reports: [] });
    if (turns) return;
    const cut = await readBack({ ...left, log: left.log.subarray(0, left.log.length - 5000) });
    assert.deepEqual(cut.reports, []);
    assert.deepEqual(cut.rows, left.rows.slice(0, cut.rows.length));
    assert.ok(cut.rows.length >= left.rows.length - 3, `${cut.rows.length} rows`);
  });

  test(`${which}: a flipped bit anywhere loses at most what it hit`, async () => {
    const left = await leave({ turns });
    const { log: whole } = left;
    // Behind the frames of this turn there is nothing that counts.
    const end = turns ? whole.lastIndexOf(whole.subarray(16, 24)) + 4000 : whole.length;
    let seed = 42;
    for (let round = 0; round < 48; round += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      // The header, the headers of frames, anywhere.
      const frame = 32 + 4120 * (seed % Math.floor((end - 32) / 4120));
      const at = round < 12 ? seed % 32 : round < 30 ? frame + (seed % 24) : seed % end;
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (seed % 8);
      const { rows, reports } = await readBack({ ...left, log: bytes });
      const got = new Set(rows.map(({ seq }) => seq));
      const missing = left.rows.filter(({ seq, body }) => !got.has(seq) && isWhole(body, whole, at));
      assert.deepEqual([at, missing.map(({ seq }) => seq)], [at, []]);
      assert.deepEqual(
        rows.map(({ seq }) => seq),
        [...got].toSorted((a, b) => a - b),
      );
      assert.match(reports.join("\n"), /was damaged; \d+ rows were recovered/, `byte ${at}`);
    }
  });
}

test("a log with a hole is damaged", async () => {
  const left = await leave();
  const bytes = Buffer.from(left.log).fill(0, 32 + 4120 * 9, 32 + 4120 * 12);
  assert.deepEqual(damageOf(bytes), { at: 32 + 4120 * 9, last: false });
});

test("a frame that is being written over one of an earlier turn is told from damage in the midst", async () => {
  const { log: whole } = await leave({ turns: true });
  const salts = whole.subarray(16, 24);
  const last = whole.lastIndexOf(salts) - 8;
  const next = last + 4120;
  assert.ok(next + 4120 <= whole.length, "frames of the earlier turn are behind it");
  const begun = Buffer.from(whole);
  whole.copy(begun, next, last, last + 24);
  assert.deepEqual(damageOf(begun), { at: next, last: true });
  begun[last + 2000]! ^= 1;
  assert.deepEqual(damageOf(begun), { at: last, last: false });
});
