// The journal: what is new, what came before, what was lost; through restarts of ours and of supervisord.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { type JournalOptions, openJournal, space, type Verdict } from "../../../src/supervisor/journal.ts";
import type { Notification } from "../../../src/supervisor/notification.ts";
import { createRanges, showRanges } from "../../../src/supervisor/ranges.ts";

const durable = (): Store => ({ ...openMemoryStore(), durable: true });

function open(store: Store, options: Partial<JournalOptions> = {}) {
  return openJournal({ store, stream: "s", life: "life", pool: "fouet", young: true, ...options });
}

function said(serial: number, poolSerial = serial, text = `${serial}`): Notification {
  return {
    header: {
      version: "3.0",
      server: "supervisor",
      serial,
      pool: "fouet",
      poolSerial,
      eventName: "X",
      length: 0,
      other: {},
    },
    payload: { kind: "unknown", text },
    truncated: false,
  };
}

async function accept(store: Store, verdict: Verdict) {
  assert.equal(verdict.kind, "new");
  if (verdict.kind !== "new") return verdict;
  await store.write(space, verdict.accept());
  verdict.settle();
  return verdict;
}

test("what was accepted is a repeat for every later process of ours; what was not is new again", async () => {
  const store = durable();
  const first = await open(store);
  await accept(store, first.take(said(0)));
  first.take(said(1));
  const second = await open(store);
  assert.equal(second.take(said(0)).kind, "repeat");
  assert.equal(second.take(said(1)).kind, "new");
});

test("a repeat of what is not safe yet waits for it", async () => {
  const store = durable();
  const journal = await open(store);
  const first = journal.take(said(0));
  const again = journal.take(said(0));
  assert.ok(again.kind === "repeat");
  let answered = false;
  void again.accepted.then(() => (answered = true));
  await Promise.resolve();
  assert.equal(answered, false);
  await accept(store, first);
  await again.accepted;
});

test("an old event that another pool refused comes late, and moves nothing back", async () => {
  const store = durable();
  const journal = await open(store);
  for (const serial of [3, 4, 9])
    await accept(store, journal.take(said(serial, serial === 9 ? 2 : serial - 3)));
  // Serial 1 was never for this pool: supervisord numbers it anew.
  const late = await accept(store, journal.take(said(1, 3)));
  assert.ok(late.kind === "new");
  assert.deepEqual(late.losses, []);
  const next = await accept(store, journal.take(said(10, 4)));
  assert.deepEqual(next.kind === "new" && next.losses, []);
  assert.equal(journal.take(said(4, 1)).kind, "repeat");
});

test("an old event that another pool refused comes before what waits for us, and is no loss later", async () => {
  const store = durable();
  const journal = await open(store);
  const lossesOf = async (serial: number, poolSerial: number) => {
    const verdict = await accept(store, journal.take(said(serial, poolSerial)));
    return verdict.kind === "new" ? verdict.losses.map(({ most }) => most) : [];
  };
  await lossesOf(3, 0);
  // 1, 2 and 3 wait in supervisord's buffer, and this one stands before them.
  assert.deepEqual(await lossesOf(1, 4), []);
  for (const number of [1, 2, 3]) assert.deepEqual(await lossesOf(3 + number, number), []);
  assert.deepEqual(await lossesOf(8, 5), []);
  assert.deepEqual(await lossesOf(10, 7), [1]);
});

test("where nobody tells the life: a serial that now says something else begins a new one", async () => {
  const store = durable();
  const journal = await open(store, { life: undefined });
  const one = await accept(store, journal.take(said(0, 0, "app is starting")));
  await accept(store, journal.take(said(1, 1, "app is running")));
  assert.equal(journal.take(said(1, 1, "app is running")).kind, "repeat");
  const two = journal.take(said(0, 0, "other is starting"));
  assert.ok(one.kind === "new" && two.kind === "new");
  assert.notEqual(one.life, two.life);
  const later = await open(store, { life: undefined });
  const three = later.take(said(2, 2));
  assert.ok(three.kind === "new");
  assert.equal(three.life, one.life);
});

test("where nobody tells the life: a boot that says the same as the one before is a life of its own", async () => {
  const store = durable();
  const journal = await open(store, { life: undefined });
  const boot = async (journal: Awaited<ReturnType<typeof open>>, texts: readonly string[]) => {
    const verdicts = [];
    for (const [serial, text] of texts.entries()) {
      const verdict = await accept(store, journal.take(said(serial, serial, text), { fresh: serial === 0 }));
      assert.ok(verdict.kind === "new");
      assert.deepEqual(verdict.losses, []);
      verdicts.push(verdict.life);
      assert.equal(
        journal.take(said(serial, serial, text), { fresh: true }).kind,
        "repeat",
        "its RESULT was lost",
      );
    }
    assert.equal(new Set(verdicts).size, 1);
    return verdicts[0]!;
  };
  const texts = ["added", "web starting", "web pid 7", "web exited"];
  const one = await boot(journal, texts);
  const two = await boot(journal, texts);
  const three = await boot(journal, ["added", "web starting", "web pid 9", "web exited", "web starting"]);
  const four = await boot(await open(store, { life: undefined }), texts);
  assert.equal(new Set([one, two, three, four]).size, 4);
});

test("the first that ever comes tells what was lost before it, where it can be known", async () => {
  const losses = async (store: Store, options: Partial<JournalOptions>) => {
    const verdict = (await open(store, options)).take(said(74, 71));
    return verdict.kind === "new" ? verdict.losses : [];
  };
  const [loss] = await losses(durable(), {});
  assert.deepEqual(loss, {
    cause: "overflow",
    poolSerials: [0, 70],
    serials: [0, 73],
    least: 71,
    most: 71,
    notable: true,
  });
  // The first of a pool is its own group's: numbers before it were thrown away by a reload.
  const opening = said(120, 0);
  const journal = await open(durable());
  const verdict = journal.take({
    ...opening,
    header: { ...opening.header, eventName: "PROCESS_GROUP_ADDED" },
  });
  assert.deepEqual(verdict.kind === "new" && verdict.losses, [
    { cause: "reload", serials: [0, 119], least: 0, most: 120, notable: false },
  ]);
  const other = (await open(durable())).take(opening);
  assert.deepEqual(other.kind === "new" && other.losses, []);
  // Without memory we may have taken them ourselves, in an earlier life.
  assert.deepEqual((await losses(openMemoryStore(), {}))[0]?.least, 0);
  assert.deepEqual(await losses(openMemoryStore(), { young: false }), []);
});

test("whoever shares a pool cannot tell losses", async () => {
  const store = durable();
  const journal = await open(store);
  await accept(store, journal.take(said(0)));
  const verdict = journal.take(said(5), { shared: true });
  assert.deepEqual(verdict.kind === "new" && verdict.losses, []);
});

test("any sequence with overflow, repeats and reloads: each serial new once, each gap accounted for", async () => {
  const step = fc.record({
    lost: fc.nat(3),
    repeat: fc.boolean(),
    reload: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    restart: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = durable();
      let journal = await open(store);
      let serial = 0;
      let poolSerial = 0;
      const lost = new Set<number>();
      const told: (readonly [number, number, number, number])[] = [];
      for (const { lost: count, repeat, reload, restart } of steps) {
        // A reload that lost more than all that came before looks like an overflow: then the range alone is right.
        const reloaded = reload && poolSerial > count;
        if (reloaded) poolSerial = 0;
        for (let at = 0; at < count; at += 1) {
          lost.add(serial);
          serial += 1;
          poolSerial += 1;
        }
        const verdict = await accept(store, journal.take(said(serial, poolSerial), { fresh: reloaded }));
        assert.ok(verdict.kind === "new");
        for (const { serials, least, most } of verdict.losses) told.push([...serials!, least, most]);
        if (restart) journal = await open(store);
        if (repeat) assert.equal(journal.take(said(serial, poolSerial)).kind, "repeat");
        serial += 1;
        poolSerial += 1;
      }
      for (const one of lost) assert.ok(told.some(([first, last]) => one >= first && one <= last));
      for (const [first, last, least, most] of told) {
        const count = [...lost].filter((one) => one >= first && one <= last).length;
        assert.ok(least <= count && count <= most);
      }
    }),
    { numRuns: 300 },
  );
});

test("ranges hold any set, as few as can be", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60)), (numbers) => {
      const ranges = createRanges();
      for (const number of numbers) ranges.add(number);
      for (let number = 0; number <= 61; number += 1)
        assert.equal(ranges.has(number), numbers.includes(number));
      const list = ranges.list();
      assert.ok(
        list.every(([first, last], at) => first <= last && (at === 0 || first > list[at - 1]![1] + 1)),
      );
    }),
  );
  const few = createRanges([], 2);
  for (const number of [1, 5, 9]) few.add(number);
  assert.deepEqual(few.list(), [
    [5, 5],
    [9, 9],
  ]);
  assert.ok(few.has(1) && few.has(3), "what lies below counts as seen");
  assert.equal(
    showRanges([
      [1, 3],
      [7, 7],
    ]),
    "1-3, 7",
  );
});
