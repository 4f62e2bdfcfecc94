// What Fouet keeps of its notifications: exact while it is quiet, a little ahead in a storm, and never wrong after a kill.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import * as fc from "fast-check";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Json, Store } from "../../../src/store/store.ts";
import { openJournal, space } from "../../../src/supervisor/journal.ts";
import { createKeeping } from "../../../src/supervisor/keeping.ts";
import type { Notification } from "../../../src/supervisor/notification.ts";
import { openProcesses } from "../../../src/supervisor/processes.ts";

const header = { version: "3.0", server: "supervisor", pool: "fouet", eventName: "X", length: 0, other: {} };
const said = (serial: number): Notification => ({
  header: { ...header, serial, poolSerial: serial },
  payload: { kind: "unknown", text: "" },
  truncated: false,
});

/** A store that takes its time, and tells what of it a kill would leave now. */
function openSlowStore(delayMs: number) {
  const inner = { ...openMemoryStore(), durable: true };
  const writes: ReadonlyMap<string, Json | undefined>[] = [];
  const store: Store = {
    ...inner,
    async write(at, changes) {
      await delay(delayMs);
      writes.push(new Map(structuredClone([...changes])));
      await inner.write(at, changes);
    },
  };
  const left = async (): Promise<Store> => {
    const copy = { ...openMemoryStore(), durable: true };
    await copy.write(space, new Map(structuredClone([...(await inner.entries(space))])));
    return copy;
  };
  return { store, writes, left };
}

const open = (store: Store) => openJournal({ store, stream: "s", life: "life", pool: "fouet", young: true });

async function begin(delayMs = 0, options: Parameters<typeof createKeeping>[1] = {}) {
  const slow = openSlowStore(delayMs);
  const journal = await open(slow.store);
  const processes = await openProcesses(slow.store, "s");
  const keeping = createKeeping(slow.store, options);
  const take = async (serial: number) => {
    const verdict = journal.take(said(serial));
    assert.ok(verdict.kind === "new");
    verdict.accept();
    await keeping.keep(journal, processes);
    verdict.settle();
  };
  return { ...slow, keeping, take };
}

/** What the next process of ours says of the losses before this notification. */
async function lossesBefore(store: Store, serial: number) {
  const verdict = (await open(store)).take(said(serial));
  assert.ok(verdict.kind === "new");
  return verdict.losses;
}

test("while it is quiet, each is in the store before it is answered, and a loss is told exactly", async () => {
  const { left, take, writes } = await begin(0, { dueMs: 0 });
  for (let serial = 0; serial < 4; serial += 1) {
    await take(serial);
    assert.equal(writes.length, serial + 1);
  }
  const [loss] = await lossesBefore(await left(), 7);
  assert.deepEqual([loss?.least, loss?.most, loss?.notable], [3, 3, true]);
});

test("a storm costs few writes; killed in it, what may have been taken is not told lost for sure", async () => {
  const { left, take, writes, keeping } = await begin(1, { dueMs: 50 });
  for (let serial = 0; serial < 500; serial += 1) await take(serial);
  assert.ok(writes.length < 50, `${writes.length} writes`);
  const [loss] = await lossesBefore(await left(), 500);
  assert.ok(loss === undefined || loss.least === 0);
  assert.notEqual(loss?.notable, true);
  await keeping.end();
  assert.deepEqual(await lossesBefore(await left(), 500), []);
});

test("soon after a storm the store is exact again", async () => {
  const { left, take } = await begin(0, { dueMs: 5 });
  for (let serial = 0; serial < 50; serial += 1) await take(serial);
  await delay(100);
  const [loss] = await lossesBefore(await left(), 53);
  assert.deepEqual([loss?.least, loss?.most], [3, 3]);
});

test("killed at any moment, however slow the disk: never told lost for sure what was answered", async () => {
  const pause = fc.constantFrom(0, 0, 0, 0, 1, 4);
  await fc.assert(
    fc.asyncProperty(
      fc.array(pause, { maxLength: 40 }),
      fc.nat(3),
      fc.nat(3),
      fc.integer({ min: 1, max: 9 }),
      async (pauses, delayMs, lost, ahead) => {
        const { left, take } = await begin(delayMs, { dueMs: 2, ahead });
        let serial = 0;
        for (const ms of pauses) {
          await take(serial);
          serial += 1;
          if (ms > 0) await delay(ms);
        }
        const losses = await lossesBefore(await left(), serial + lost);
        const least = losses.reduce((sum, loss) => sum + loss.least, 0);
        const most = losses.reduce((sum, loss) => sum + loss.most, 0);
        assert.ok(least <= lost && lost <= most, `${least} to ${most} for ${lost}`);
      },
    ),
    { numRuns: 60 },
  );
});
