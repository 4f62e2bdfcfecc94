// A spool in a thread lets that rest while nothing waits, and notices by the files alone that somebody wrote.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDiskThread } from "../../../src/disk.ts";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";
import { openWorkerSpool } from "../../../src/spool/worker.ts";
import { openWorkerStore } from "../../../src/store/worker.ts";
import { openStore } from "../../../src/store/open.ts";
import { traceDatabase } from "../../../src/trace.ts";
import { makeRun } from "../../contract/spool.ts";
import { eventually } from "../../servers/server.ts";

const root = mkdtempSync(join(tmpdir(), "moustash-rest-"));
after(() => rmSync(root, { recursive: true }));

const mostBytes = 2 ** 24;
const all = { count: 1000, bytes: 2 ** 24 };
/** ext4 and its like tell times in steps of some milliseconds. */
const settledAfterMs = 100;

function open() {
  const directory = mkdtempSync(join(root, "s-"));
  const thread = openDiskThread({ restAfterMs: 50 });
  const spool = openWorkerSpool(
    thread,
    { directory, mostBytes },
    traceDatabase({ directory, name: "spool", also: ["rejected.ndjson"], settledAfterMs }),
  );
  const store = openWorkerStore(
    thread,
    { directory },
    traceDatabase({ directory, name: "store", settledAfterMs }),
  );
  /** Looks as the pipeline does while nothing happens, until that needs the thread no more. */
  const quiet = (look: () => Promise<unknown>) =>
    eventually(
      async () => {
        const rested = !thread.isRunning;
        if (rested) await look();
        return rested && !thread.isRunning;
      },
      { what: "the thread rests" },
    );
  async function drained() {
    await using drain = await spool.drain();
    assert.ok(drain, "nobody else drains");
    const rows = await drain.next(all);
    if (rows.length > 0) await drain.remove(rows);
    return rows;
  }
  return {
    directory,
    thread,
    spool,
    store,
    quiet,
    drained,
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

test("an empty spool is looked at without the thread, until another process adds to it", async () => {
  await using all = open();
  const { directory, thread, quiet, drained } = all;
  assert.deepEqual(await drained(), []);
  await quiet(drained);
  assert.deepEqual(await drained(), []);
  assert.equal(thread.isRunning, false);
  await using other = openSqliteSpool({ directory, mostBytes });
  for (const _ of [1, 2]) {
    const batch = makeRun().many(3);
    await other.add(batch);
    assert.deepEqual(await drained(), batch);
    assert.deepEqual(await drained(), []);
    await quiet(drained);
    assert.equal(thread.isRunning, false);
  }
});

test("what we add ourselves is found, however soon, and keeps the thread while it waits", async () => {
  await using all = open();
  const { thread, spool, quiet, drained } = all;
  await drained();
  await quiet(drained);
  const { many, run } = makeRun();
  const first = many(2);
  await spool.add(first);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(thread.isRunning, true);
  assert.equal(await spool.waiting(run), 2);
  assert.deepEqual(await drained(), first);
  await quiet(drained);
  assert.equal(await spool.waiting(run), 0);
});

test("a status is told again without the thread, until it is another", async () => {
  await using all = open();
  const { thread, spool, quiet } = all;
  const { make } = makeRun();
  await quiet(() => spool.status());
  await spool.status();
  assert.equal(thread.isRunning, false);
  await spool.reject(make("refused"), "too large");
  assert.equal((await spool.status()).rejected, 1);
  await quiet(() => spool.status());
  assert.equal((await spool.status()).rejected, 1);
  assert.equal(thread.isRunning, false);
  await spool.add([make("waits")]);
  assert.equal((await spool.status()).count, 1);
});

test("a small space of the store is read again only when somebody wrote", async () => {
  await using all = open();
  const { directory, thread, store, quiet } = all;
  const read = () => store.entries("space");
  assert.deepEqual(await read(), new Map());
  await quiet(read);
  assert.deepEqual(await read(), new Map());
  assert.equal(thread.isRunning, false);
  await store.write("space", new Map([["own", 1]]));
  assert.deepEqual(await read(), new Map([["own", 1]]));
  await quiet(read);
  await using other = openStore({ directory });
  await other.write("space", new Map([["theirs", 2]]));
  assert.deepEqual(
    await read(),
    new Map([
      ["own", 1],
      ["theirs", 2],
    ]),
  );
});
