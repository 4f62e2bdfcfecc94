// What every spool must do, whatever it keeps its rows in.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Envelope, EnvelopeClass } from "../../src/envelope.ts";
import { createEvents } from "../../src/event.ts";
import type { Spool } from "../../src/spool/spool.ts";

const drafts = { atMs: 1000, program: "p", source: "s", tags: [], notify: false };

export function makeRun() {
  const events = createEvents({ tool: "test", host: "here", version: "0", format: "logstash" });
  return {
    run: events.run,
    make: (message: string, kind: EnvelopeClass = "change"): Envelope =>
      events.create({ ...drafts, class: kind, message }),
    many: (count: number, kind: EnvelopeClass = "change"): Envelope[] =>
      Array.from({ length: count }, (_, index) =>
        events.create({ ...drafts, class: kind, message: `${index}` }),
      ),
  };
}

const all = { count: 1_000_000, bytes: 2 ** 30 };

/** Opens a fresh spool with the given room; called once for each test. */
export type Open = (options: { mostBytes: number }) => Promise<Spool> | Spool;

export function testSpool(name: string, open: Open) {
  const room = { mostBytes: 2 ** 24 };

  async function drained(spool: Spool): Promise<readonly Envelope[]> {
    await using drain = await spool.drain();
    assert.ok(drain, "nobody else drains");
    const rows = await drain.next(all);
    await drain.remove(rows);
    return rows;
  }

  suite(name, () => {
    test("gives back what was added, in order and unchanged", async () => {
      await using spool = await open(room);
      const { many, make } = makeRun();
      const odd = make("\u0000 \ud800 line\nfeed 👩‍🚀 é \u2028");
      const first = [...many(300), odd];
      const second = many(20);
      assert.deepEqual(await spool.add(first), { refused: [] });
      assert.deepEqual(await spool.add(second), { refused: [] });
      assert.deepEqual(await drained(spool), [...first, ...second]);
      assert.deepEqual(await drained(spool), []);
    });

    test("keeps the order of calls that are under way together", async () => {
      await using spool = await open(room);
      const { many, run } = makeRun();
      const batches = Array.from({ length: 20 }, () => many(7));
      await Promise.all(batches.map((batch) => spool.add(batch)));
      assert.equal(await spool.waiting(run), 140);
      assert.deepEqual(await drained(spool), batches.flat());
      assert.equal(await spool.waiting(run), 0);
    });

    test("hands out no more than asked for, and at least one", async () => {
      await using spool = await open(room);
      const { many } = makeRun();
      const rows = many(10);
      await spool.add(rows);
      await using drain = (await spool.drain())!;
      const three = await drain.next({ count: 3, bytes: 2 ** 20 });
      assert.deepEqual(three, rows.slice(0, 3));
      const one = await drain.next({ count: 3, bytes: 1 });
      assert.deepEqual(one, rows.slice(3, 4));
      await drain.remove(three);
      await drain.remove(one);
      assert.deepEqual(await drain.next(all), rows.slice(4));
      assert.deepEqual(await drain.next(all), []);
    });

    test("gives what was not removed to the next drain again, before what came later", async () => {
      await using spool = await open(room);
      const { many, run } = makeRun();
      const rows = many(10);
      await spool.add(rows);
      const late = many(2);
      {
        await using drain = (await spool.drain())!;
        const batches = [];
        for (let index = 0; index < 5; index += 1)
          batches.push(await drain.next({ count: 2, bytes: 2 ** 20 }));
        assert.deepEqual(batches.flat(), rows);
        await drain.remove(batches[0]!);
        await drain.remove(batches[3]!);
        await spool.add(late);
      }
      assert.equal(await spool.waiting(run), 8);
      assert.equal((await spool.status()).count, 8);
      assert.deepEqual(await drained(spool), [...rows.slice(2, 6), ...rows.slice(8), ...late]);
      assert.equal((await spool.status()).bytes, 0);
    });

    test("removes single rows from the midst, known or not", async () => {
      await using spool = await open(room);
      const { many, run } = makeRun();
      const rows = many(5);
      await spool.add(rows);
      await spool.remove([rows[2]!, ...makeRun().many(2)]);
      await spool.remove([rows[2]!]);
      assert.equal(await spool.waiting(run), 4);
      assert.equal((await spool.status()).count, 4);
      assert.deepEqual(await drained(spool), [rows[0], rows[1], rows[3], rows[4]]);
      assert.equal((await spool.status()).bytes, 0);
    });

    test("a row removed under a drain does not take a later one with it", async () => {
      await using spool = await open(room);
      const { many } = makeRun();
      const rows = many(3);
      await spool.add(rows);
      await using drain = (await spool.drain())!;
      const taken = await drain.next(all);
      await spool.remove(taken.slice(2));
      const late = many(2);
      await spool.add(late);
      await drain.remove(taken);
      assert.deepEqual(await drain.next(all), late);
    });

    test("gives the right to drain to one at a time", async () => {
      await using spool = await open(room);
      await spool.add(makeRun().many(1));
      const drain = await spool.drain();
      assert.ok(drain);
      assert.equal(await spool.drain(), undefined);
      await drain[Symbol.asyncDispose]();
      await using again = await spool.drain();
      assert.ok(again);
    });

    test("counts what waits for each run and in all", async () => {
      await using spool = await open(room);
      const [one, two] = [makeRun(), makeRun()];
      await spool.add([...one.many(2), ...two.many(3)]);
      assert.equal(await spool.waiting(one.run), 2);
      assert.equal(await spool.waiting(two.run), 3);
      const { count, bytes, mostBytes, oldestAtMs, rejected } = await spool.status();
      assert.deepEqual([count, mostBytes, oldestAtMs, rejected], [5, room.mostBytes, 1000, 0]);
      assert.ok(bytes > 5 * 100);
    });

    test("refuses repeats above 80 %, everything at 100 %, and tells which", async () => {
      const probe = await open(room);
      const { many, make } = makeRun();
      await probe.add([make("0")]);
      const cost = (await probe.status()).bytes;
      await probe[Symbol.asyncDispose]();
      await using spool = await open({ mostBytes: cost * 10 });
      const changes = many(8);
      assert.deepEqual(await spool.add(changes.slice(0, 7)), { refused: [] });
      const repeats = many(3, "repeat");
      const { refused } = await spool.add(repeats);
      assert.ok(
        refused.length >= 2 && refused.every((row) => repeats.includes(row) || row.class === "repeat"),
      );
      const later = many(6, "message");
      const full = await spool.add(later);
      assert.ok(full.refused.length > 0);
      const kept = later.length - full.refused.length;
      assert.ok(kept > 0, "above 80 % messages are still taken");
      assert.deepEqual(full.refused, later.slice(kept));
      const rows = await drained(spool);
      assert.equal(rows.length, 7 + (3 - refused.length) + kept);
      assert.deepEqual(await spool.add(later.slice(kept)), { refused: [] });
    });

    test("says why what waits does, and nothing where nothing waits", async () => {
      await using spool = await open(room);
      await spool.note("the broker is away");
      assert.equal((await spool.status()).lastError, undefined);
      await spool.add(makeRun().many(1));
      await spool.note("the broker is full");
      const { lastError } = await spool.status();
      assert.equal(lastError?.reason, "the broker is full");
      assert.ok(Math.abs(lastError.atMs - Date.now()) < 60_000);
    });

    test("counts what was put aside", async () => {
      await using spool = await open(room);
      await spool.reject(makeRun().make("poison"), "too large");
      assert.equal((await spool.status()).rejected, 1);
    });
  });
}
