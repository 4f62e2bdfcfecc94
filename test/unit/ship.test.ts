// Ship against a transport of this test's own making: the order of calls, and when acceptance is said.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Batch, Envelope, Source } from "../../src/envelope.ts";
import { createEvents } from "../../src/event.ts";
import { type ShipOptions, ship } from "../../src/ship.ts";
import { openMemorySpool } from "../../src/spool/memory.ts";
import { type Spool, SpoolError } from "../../src/spool/spool.ts";
import { type Sent, type Transport, TransportError } from "../../src/transport/transport.ts";

const events = createEvents({ tool: "test", host: "here", version: "0", format: "logstash" });
const make = (message: string, kind: Envelope["class"] = "change") =>
  events.create({ atMs: 0, class: kind, message, program: "p", source: "s", tags: [], notify: false });
const messages = (envelopes: readonly Envelope[]) =>
  envelopes.map(({ body }) => (JSON.parse(body) as { message: string }).message);

/** A broker of which the test decides when it answers. */
function createBroker() {
  const list: string[] = [];
  const state = { mode: "up" as "up" | "down" | "hangs", late: [] as (() => void)[] };
  const transport: Transport = {
    name: "broker",
    send(envelopes): Promise<Sent> {
      const write = () => {
        list.push(...messages(envelopes));
        return { rejected: [], listLength: list.length };
      };
      if (state.mode === "down") return Promise.reject(new TransportError("unavailable", "away"));
      if (state.mode === "up") return Promise.resolve(write());
      return new Promise((resolve) => state.late.push(() => resolve(write())));
    },
    async [Symbol.asyncDispose]() {},
  };
  return { list, state, transport };
}

/** A source that is fed by hand; `said` is what was accepted, in order. */
function createFeed() {
  const queue: Batch[] = [];
  const said: string[] = [];
  let wake = () => {};
  let ended = false;
  return {
    said,
    push(...batch: Envelope[]) {
      queue.push({
        events: batch,
        accepted: ({ at }) => {
          said.push(...messages(batch).map((message) => `${message}@${at}`));
        },
      });
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
      for (;;) {
        const next = queue.shift();
        if (next) yield next;
        else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

const durable = (spool: Spool): Spool => ({ ...spool, durable: true });

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); await turn()) {
    assert.ok(Date.now() < deadline, `never: ${condition}`);
  }
}

/** Reads ahead: whoever takes iteration for acceptance is found out here. */
async function* prefetching(source: Source): Source {
  yield* Readable.from(source, { objectMode: true, highWaterMark: 16 }) as AsyncIterable<Batch>;
}

/** Reads from several at once, each one batch ahead. */
async function* merging(...sources: readonly Source[]): Source {
  const readers = sources.map((source) => {
    const iterator = source[Symbol.asyncIterator]();
    const next = () => iterator.next();
    return { next, coming: next() };
  });
  const waiting = new Set(readers);
  while (waiting.size > 0) {
    const first = [...waiting].map((reader) => reader.coming.then((result) => ({ reader, result })));
    const { reader, result } = await Promise.race(first);
    if (result.done) {
      waiting.delete(reader);
      continue;
    }
    reader.coming = reader.next();
    yield result.value;
  }
}

const quiet: Source = { async *[Symbol.asyncIterator]() {} };

/** The promise holds however batches come. */
const ways: Record<string, (source: Source) => Source> = {
  "a source as it is": (source) => source,
  "a prefetching source": prefetching,
  "a merging source": (source) => merging(quiet, source, quiet),
};

for (const [way, through] of Object.entries(ways)) describe(way, () => shipTests(through));

/** So the tests above can fail: a source whose yield stands for acceptance says too much, for ship reads ahead as well. */
for (const [way, through] of Object.entries(ways)) {
  test(`${way}: iteration is not acceptance`, async () => {
    const { state, transport } = createBroker();
    state.mode = "hangs";
    const said: string[] = [];
    async function* credulous(): Source {
      for (const message of ["a", "b"]) {
        yield { events: [make(message)], accepted() {} };
        said.push(message);
      }
    }
    const ended = ship({
      from: through(credulous()),
      to: transport,
      spool: openMemorySpool({ mostBytes: 2 ** 20 }),
      run: events.run,
      signal: new AbortController().signal,
      acceptWithinMs: 1_000_000,
      sendTimeoutMs: 1000,
      drainTimeoutMs: 1000,
    });
    await until(() => state.late.length > 0);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    assert.ok(said.length > 0);
    state.mode = "up";
    for (const resume of state.late) resume();
    await ended;
  });
}

function shipTests(through: (source: Source) => Source) {
  function start(from: Source, to: Transport, options: Partial<ShipOptions> = {}) {
    const controller = new AbortController();
    const spool = options.spool ?? openMemorySpool({ mostBytes: 2 ** 20 });
    const base = { run: events.run, acceptWithinMs: 5, sendTimeoutMs: 1000, drainTimeoutMs: 1000 };
    const ended = ship({ from: through(from), to, signal: controller.signal, ...base, ...options, spool });
    return { ended, controller, spool };
  }

  test("what the broker acknowledges is accepted there, and no spool is touched", async () => {
    const { list, transport } = createBroker();
    const feed = createFeed();
    const { ended, spool } = start(feed, transport);
    feed.push(make("a"), make("b"));
    feed.push(make("c"));
    feed.end();
    assert.deepEqual(await ended, { unaccepted: 0, pending: false });
    assert.deepEqual(list, ["a", "b", "c"]);
    assert.deepEqual(feed.said, ["a@broker", "b@broker", "c@broker"]);
    assert.equal((await spool.status()).count, 0);
  });

  test("in memory, nothing is accepted before the broker has it, and order is kept", async () => {
    const { list, state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    const { ended, spool } = start(feed, transport);
    feed.push(make("a"));
    feed.push(make("b"));
    await turn();
    feed.push(make("c"));
    for (let rows = 0; rows < 3; await turn()) ({ count: rows } = await spool.status());
    assert.deepEqual(feed.said, []);
    state.mode = "up";
    await until(() => feed.said.length === 3);
    feed.push(make("d"));
    feed.end();
    await ended;
    assert.deepEqual(list, ["a", "b", "c", "d"]);
    assert.deepEqual(feed.said, ["a@broker", "b@broker", "c@broker", "d@broker"]);
  });

  test("a durable spool accepts when the broker is late, and a late acknowledgement sends nothing twice", async () => {
    const { list, state, transport } = createBroker();
    const feed = createFeed();
    const spool = durable(openMemorySpool({ mostBytes: 2 ** 20 }));
    state.mode = "hangs";
    const { ended } = start(feed, transport, { spool });
    feed.push(make("a"));
    await until(() => feed.said.length === 1);
    assert.deepEqual(feed.said, ["a@spool"]);
    state.mode = "up";
    for (const resume of state.late) resume();
    feed.push(make("b"));
    feed.end();
    assert.deepEqual(await ended, { unaccepted: 0, pending: false });
    assert.deepEqual(list, ["a", "b"]);
  });

  for (const oneShot of [true, false])
    test(`what a late broker takes and the disk does not is accepted and sent once (${oneShot ? "one-shot" : "daemon"})`, async () => {
      const broker = createBroker();
      const feed = createFeed();
      const refuse = () => Promise.reject(new SpoolError("spool_unwritable", "read-only"));
      const spool = { ...durable(openMemorySpool({ mostBytes: 2 ** 20 })), add: refuse, remove: refuse };
      broker.state.mode = "hangs";
      const { ended } = start(feed, broker.transport, { spool, oneShot });
      feed.push(make("one"));
      // The first is a daemon's greeting.
      if (!oneShot) {
        await until(() => broker.state.late.length === 1);
        await new Promise((resolve) => void setTimeout(resolve, 20));
        broker.state.late[0]!();
      }
      await until(() => broker.state.late.length === (oneShot ? 1 : 2));
      await new Promise((resolve) => void setTimeout(resolve, 20));
      broker.state.mode = "up";
      broker.state.late.at(-1)!();
      feed.end();
      await ended;
      assert.deepEqual([broker.list, feed.said], [["one"], ["one@broker"]]);
    });

  test("after one late answer a source that is faster than the drain is soon past the spool again", async () => {
    const { list, state, transport } = createBroker();
    // So slow that a source that need not wait for it is always ahead.
    const slow: Transport = {
      ...transport,
      async send(envelopes, options) {
        for (let turns = 0; turns < 10; turns += 1) await turn();
        return await transport.send(envelopes, options);
      },
    };
    const accepted: string[] = [];
    const most = 100;
    async function* source(): Source {
      for (let number = 0; number < most; number += 1) {
        const batch = Array.from({ length: 1024 }, (_, index) => make(`${number}.${index}`));
        yield { events: batch, accepted: ({ at }) => void accepted.push(at) };
        if (accepted.includes("spool") && accepted.at(-1) === "broker") return;
        await turn();
      }
    }
    state.mode = "hangs";
    const spool = durable(openMemorySpool({ mostBytes: 2 ** 30 }));
    const { ended } = start(source(), slow, { spool, acceptWithinMs: 200 });
    await until(() => accepted.includes("spool"));
    state.mode = "up";
    for (const resume of state.late) resume();
    assert.deepEqual(await ended, { unaccepted: 0, pending: false });
    assert.equal(accepted.at(-1), "broker");
    assert.ok(accepted.length < most, `${accepted.length} batches`);
    assert.equal(list.length, accepted.length * 1024);
    assert.equal(new Set(list).size, list.length);
  });

  test("a link on which a large batch never ends in time is drained in smaller ones", async () => {
    const { list, transport } = createBroker();
    const sizes: number[] = [];
    const narrow: Transport = {
      ...transport,
      async send(envelopes, options) {
        if (envelopes.length > 0) sizes.push(envelopes.length);
        if (envelopes.length > 300) throw new TransportError("unavailable", "did not answer in time");
        return await transport.send(envelopes, options);
      },
    };
    const spool = durable(openMemorySpool({ mostBytes: 2 ** 30 }));
    const wanted = Array.from({ length: 2000 }, (_, index) => `${index}`);
    await spool.add(wanted.map((message) => make(message)));
    const feed = createFeed();
    const { ended } = start(feed, narrow, { spool });
    await until(() => list.length === wanted.length);
    feed.end();
    await ended;
    assert.deepEqual(list, wanted);
    assert.deepEqual(sizes.slice(0, 3), [1024, 256, 256]);
  });

  test("while the reject file cannot be written, what the broker took is not sent again", async () => {
    const { list, transport } = createBroker();
    const picky: Transport = {
      ...transport,
      async send(envelopes, options) {
        const bad = envelopes.filter((envelope) => messages([envelope])[0] === "bad");
        await transport.send(
          envelopes.filter((envelope) => !bad.includes(envelope)),
          options,
        );
        return { rejected: bad.map((envelope) => ({ envelope, reason: "too large" })) };
      },
    };
    let broken = 3;
    const memory = openMemorySpool({ mostBytes: 2 ** 20 });
    const spool: Spool = {
      ...durable(memory),
      async reject(envelope, reason) {
        broken -= 1;
        if (broken >= 0) throw new SpoolError("spool_unwritable", "no room for rejected.ndjson");
        await memory.reject(envelope, reason);
      },
    };
    await spool.add(["a", "bad", "b"].map((message) => make(message)));
    const rejected: string[] = [];
    const feed = createFeed();
    const observe = { rejected: (envelope: Envelope) => void rejected.push(...messages([envelope])) };
    const { ended } = start(feed, picky, { spool, observe });
    await until(() => rejected.length > 0);
    feed.push(make("c"));
    feed.end();
    await ended;
    assert.deepEqual([list, rejected, broken], [["a", "b", "c"], ["bad"], -1]);
  });

  test("a one-shot that neither broker nor spool takes says both, and is refused where the broker refuses", async () => {
    for (const [code, exitCode] of [
      ["credentials", 77],
      ["unavailable", 74],
    ] as const) {
      const { transport } = createBroker();
      const refusing: Transport = {
        ...transport,
        send: () => Promise.reject(new TransportError(code, "it says no")),
      };
      const feed = createFeed();
      feed.push(make("a"));
      feed.end();
      const spool = durable(openMemorySpool({ mostBytes: 1 }));
      await assert.rejects(start(feed, refusing, { oneShot: true, spool }).ended, {
        exitCode,
        message: /^it says no; and the spool is full/,
      });
      assert.deepEqual(feed.said, []);
    }
  });

  test("a full spool refuses repeats, counts them, and makes changes wait for room", async () => {
    const { list, state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    const refused: string[] = [];
    const size = make("x").body.length * 2 + 256;
    const spool = durable(openMemorySpool({ mostBytes: size * 2.5 }));
    const { ended } = start(feed, transport, {
      spool,
      observe: { refused: (repeats) => refused.push(...messages(repeats)) },
    });
    feed.push(make("a"));
    feed.push(make("b"));
    feed.push(make("r", "repeat"), make("c"));
    await until(() => refused.length > 0);
    assert.deepEqual(feed.said, ["a@spool", "b@spool"]);
    state.mode = "up";
    feed.end();
    await ended;
    assert.deepEqual(list, ["a", "b", "c"]);
    assert.deepEqual(refused, ["r"]);
  });

  test("a one-shot without a disk fails with the broker's error", async () => {
    const { state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    feed.push(make("a"));
    feed.end();
    await assert.rejects(start(feed, transport, { oneShot: true }).ended, {
      code: "unavailable",
      exitCode: 69,
    });
    assert.deepEqual(feed.said, []);
  });

  test("a one-shot with a disk ends at once when the broker is away, and says that events wait", async () => {
    const { state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    feed.push(make("a"));
    feed.end();
    const spool = durable(openMemorySpool({ mostBytes: 2 ** 20 }));
    assert.deepEqual(await start(feed, transport, { oneShot: true, spool }).ended, {
      unaccepted: 0,
      pending: true,
    });
    assert.deepEqual(feed.said, ["a@spool"]);
  });

  test("an outage is told once, and its end once", async () => {
    const { state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    const told: string[] = [];
    const { ended } = start(feed, transport, {
      observe: { brokerAway: () => told.push("away"), brokerBack: () => told.push("back") },
    });
    for (const message of ["a", "b", "c"]) feed.push(make(message));
    await until(() => told.length === 1);
    state.mode = "up";
    await until(() => feed.said.length === 3);
    feed.end();
    await ended;
    assert.deepEqual(told, ["away", "back"]);
  });

  test("an outage that turns out to be a refusal is told once more", async () => {
    const { transport, state } = createBroker();
    const answers: (TransportError | undefined)[] = [
      new TransportError("unavailable", "cut off"),
      new TransportError("credentials", "wrong password"),
      new TransportError("unavailable", "cut off again"),
      new TransportError("credentials", "still wrong"),
    ];
    const moody: Transport = {
      ...transport,
      async send(envelopes, options) {
        const error = answers.shift();
        if (error) throw error;
        state.mode = "up";
        return transport.send(envelopes, options);
      },
    };
    const feed = createFeed();
    const told: string[] = [];
    const { ended } = start(feed, moody, {
      observe: { brokerAway: ({ message }) => told.push(message), brokerBack: () => told.push("back") },
    });
    feed.push(make("a"));
    feed.end();
    await ended;
    assert.deepEqual(told, ["cut off", "wrong password", "back"]);
  });

  test("at the end, what only memory holds is counted when the broker stays away", async () => {
    const { state, transport } = createBroker();
    state.mode = "down";
    const feed = createFeed();
    feed.push(make("a"), make("b"));
    feed.end();
    assert.deepEqual(await start(feed, transport, { drainTimeoutMs: 20 }).ended, {
      unaccepted: 2,
      pending: false,
    });
  });
}
