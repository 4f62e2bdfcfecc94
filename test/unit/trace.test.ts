// The trace of a database: equal marks, and nobody wrote in between.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { traceDatabase } from "../../src/trace.ts";

const root = mkdtempSync(join(tmpdir(), "moustash-trace-"));
after(() => rmSync(root, { recursive: true }));

const settledAfterMs = 3000;

/** A trace of a fresh directory, with a clock of its own. */
function open() {
  const directory = mkdtempSync(join(root, "t-"));
  let nowMs = 0;
  const options = { directory, name: "spool", also: ["more.ndjson"], settledAfterMs, now: () => nowMs };
  const trace = traceDatabase(options);
  async function settled() {
    await trace.mark();
    nowMs += settledAfterMs;
    const mark = await trace.mark();
    assert.ok(mark !== undefined, "files that nobody touches give a mark");
    return mark;
  }
  return {
    directory,
    file: join(directory, "spool", "spool.sqlite"),
    mark: () => trace.mark(),
    later: (ms: number) => void (nowMs += ms),
    settled,
  };
}

test("what has just been seen for the first time gives no mark: its time may not have moved on yet", async () => {
  const { mark, later } = open();
  assert.equal(await mark(), undefined);
  later(settledAfterMs - 1);
  assert.equal(await mark(), undefined);
  later(1);
  const first = await mark();
  assert.ok(first !== undefined);
  later(1_000_000);
  assert.equal(await mark(), first);
});

const changes: Record<string, (directory: string, file: string) => void> = {
  "a write to the file": (_, file) => appendFileSync(file, "x"),
  "a write to its log": (_, file) => appendFileSync(`${file}-wal`, "x"),
  "a write of as many bytes": (_, file) => writeFileSync(file, "database"),
  "another file in its place": (_, file) => {
    writeFileSync(`${file}.new`, "database");
    renameSync(`${file}.new`, file);
  },
  "a folder that was set aside": (directory) => mkdirSync(join(directory, "spool-corrupt-1.pending")),
  "a write to what belongs to it": (directory) => appendFileSync(join(directory, "more.ndjson"), "x"),
  "the end of the file": (_, file) => rmSync(file),
};

for (const [name, change] of Object.entries(changes)) {
  test(`another mark after ${name}, and none at first`, async () => {
    const { directory, file, mark, settled } = open();
    mkdirSync(join(directory, "spool"));
    writeFileSync(file, "database");
    writeFileSync(join(directory, "more.ndjson"), "more");
    const before = await settled();
    change(directory, file);
    assert.equal(await mark(), undefined);
    assert.notEqual(await settled(), before);
  });
}

test("the same mark while somebody reads: an empty log comes and goes", async () => {
  const { directory, file, mark, settled } = open();
  mkdirSync(join(directory, "spool"));
  writeFileSync(file, "database");
  const before = await settled();
  writeFileSync(`${file}-wal`, "");
  assert.equal(await mark(), before);
  rmSync(`${file}-wal`);
  assert.equal(await mark(), before);
});

test("no mark where the files cannot be looked at", async () => {
  const trace = traceDatabase({ directory: join(root, "x".repeat(300)), name: "spool", settledAfterMs: 0 });
  assert.equal(await trace.mark(), undefined);
  assert.equal(await trace.mark(), undefined);
});
