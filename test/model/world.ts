// The world in which ship is tried: a broker, a disk that outlives processes, processes that die, a clock that is ours.
// Time is node:test's mocked timers; every answer of broker and disk takes some of it.
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { mock } from "node:test";
import type { Batch, Envelope, EnvelopeClass, Source } from "../../src/envelope.ts";
import { createEvents } from "../../src/event.ts";
import { type Shipped, ship } from "../../src/ship.ts";
import { type Spool, SpoolError } from "../../src/spool/spool.ts";
import { type Sent, type Transport, TransportError } from "../../src/transport/transport.ts";

export interface WorldOptions {
  readonly durable: boolean;
  /** The disk; or, where that is not durable, what each process opens for itself. */
  readonly open: () => Spool;
  /** What stands between a source and ship. */
  readonly between?: (source: Source) => Source;
}

/** What the broker does with a send. `forgetful` writes it and loses the answer. */
export type BrokerMode = "up" | "down" | "hangs" | "forgetful";
export type DiskMode = "quick" | "slow" | "broken";

const sendTimeoutMs = 400;
/** Before and after it happens: an answer is on its way for a while. */
const latencyMs = { quick: [1, 3], slow: [60, 30], broken: [1, 1] } as const;

export function createWorld({ durable, open, between = (source) => source }: WorldOptions) {
  const disk = open();
  /** What the disk holds, seen from outside. */
  const onDisk = new Set<string>();
  const rejected = new Set<string>();
  const list: Envelope[] = [];
  const listed = new Set<string>();
  const world = { broker: "up" as BrokerMode, disk: "quick" as DiskMode };
  const waiters = new Set<() => void>();
  const processes: Process[] = [];
  const accepted = new Set<string>();
  const poison = new Set<string>();
  const all: Envelope[] = [];
  /** After a lost answer, a kill, or beside another process, what is there may come again. */
  let mayRepeat = false;

  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  /** Resolves when the broker's mode changes, or the time is over. */
  const change = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      waiters.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });

  interface Process {
    readonly run: string;
    alive: boolean;
    push(...events: Envelope[]): void;
    readonly make: (kind: EnvelopeClass) => Envelope;
    stop(): Promise<Shipped>;
    kill(): void;
  }

  const never = new Promise<never>(() => {});

  function start(): Process {
    const events = createEvents({ tool: "test", host: "h", version: "0", format: "logstash" });
    const controller = new AbortController();
    const queue: Envelope[][] = [];
    let wake = () => {};
    let ended = false;
    let sends = 0;
    let release: (() => Promise<void>) | undefined;
    const life: Process = {
      run: events.run,
      alive: true,
      make(kind) {
        const draft = {
          atMs: 0,
          class: kind,
          message: "m",
          program: "p",
          source: "s",
          tags: [],
          notify: false,
        };
        const envelope = events.create(draft);
        all.push(envelope);
        return envelope;
      },
      push(...batch) {
        queue.push(batch);
        wake();
      },
      async stop() {
        ended = true;
        controller.abort();
        wake();
        return shipping;
      },
      kill() {
        life.alive = false;
        void release?.();
      },
    };
    mayRepeat ||= processes.length > 0;
    processes.push(life);

    /** A dead process hears no answer. */
    async function live<T>(work: () => Promise<T>): Promise<T> {
      if (!life.alive) return never;
      const result = await work().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      if (!life.alive) return never;
      if ("error" in result) throw result.error;
      return result.value;
    }

    /** A call of the disk: takes time, happens wholly or not at all, and may be refused. */
    const call = <T>(work: () => Promise<T>) =>
      live(async () => {
        // Memory answers at once.
        if (!durable) return work();
        const [beforeMs, afterMs] = latencyMs[world.disk];
        await sleep(beforeMs);
        if (!life.alive) return never;
        if (world.disk === "broken") throw new SpoolError("spool_unwritable", "broken");
        const result = await work();
        await sleep(afterMs);
        return result;
      });

    const forget = (envelopes: readonly Envelope[]) => {
      for (const { id } of envelopes) onDisk.delete(id);
    };
    const mine: Spool = durable ? disk : open();
    const spool: Spool = {
      durable,
      add: (envelopes) =>
        call(async () => {
          const admission = await mine.add(envelopes);
          const refused = new Set(admission.refused.map(({ id }) => id));
          if (durable)
            for (const envelope of envelopes) if (!refused.has(envelope.id)) onDisk.add(envelope.id);
          return admission;
        }),
      waiting: (run) => call(() => mine.waiting(run)),
      remove: (envelopes) =>
        call(async () => {
          await mine.remove(envelopes);
          forget(envelopes);
        }),
      reject: (envelope) =>
        call(async () => {
          rejected.add(envelope.id);
        }),
      // Never a trouble of its own.
      note: (reason) => call(() => mine.note(reason)).catch(() => {}),
      status: () => call(() => mine.status()),
      async drain() {
        const right = await call(async () => {
          const taken = await mine.drain();
          // The right dies with its holder.
          if (taken) release = () => Promise.resolve(taken[Symbol.asyncDispose]());
          return taken;
        });
        if (!right) return undefined;
        return {
          next: (most) => call(() => right.next(most)),
          remove: (envelopes) =>
            call(async () => {
              await right.remove(envelopes);
              forget(envelopes);
            }),
          async [Symbol.asyncDispose]() {
            if (!life.alive) return;
            release = undefined;
            await right[Symbol.asyncDispose]();
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };

    const transport: Transport = {
      name: "broker",
      send: (envelopes) =>
        live(async () => {
          sends += 1;
          assert.equal(sends, 1, "one send is under way at a time");
          try {
            return await write(envelopes, life);
          } finally {
            sends -= 1;
          }
        }),
      async [Symbol.asyncDispose]() {},
    };

    async function* source(): AsyncGenerator<Batch> {
      for (;;) {
        const batch = queue.shift();
        if (batch) {
          yield {
            events: batch,
            accepted() {
              if (!life.alive) return;
              for (const envelope of batch) {
                const { id } = envelope;
                const safe = listed.has(id) || rejected.has(id) || (durable && onDisk.has(id));
                // A repeat may be refused for want of room: that is counted, not promised.
                assert.ok(
                  safe || envelope.class === "repeat",
                  `seq ${envelope.seq} was accepted and is nowhere safe`,
                );
                if (safe) accepted.add(id);
              }
            },
          };
        } else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    }

    const shipping = ship({
      from: between(source()),
      to: transport,
      spool,
      run: events.run,
      signal: controller.signal,
      acceptWithinMs: 50,
      sendTimeoutMs,
      drainTimeoutMs: 3000,
    });
    shipping.catch(() => {});
    return life;
  }

  async function write(envelopes: readonly Envelope[], life: Process): Promise<Sent> {
    await sleep(1);
    const until = sendTimeoutMs;
    if (world.broker === "hangs") {
      await change(until);
      if (world.broker === "hangs") throw new TransportError("unavailable", "timed out");
    }
    if (world.broker === "down") throw new TransportError("unavailable", "down");
    if (!life.alive) return never;
    const refused = envelopes.filter(({ id }) => poison.has(id));
    const taken = envelopes.filter(({ id }) => !poison.has(id));
    for (const envelope of taken) {
      list.push(envelope);
      listed.add(envelope.id);
    }
    if (world.broker === "forgetful") throw new TransportError("unavailable", "the answer was lost");
    await sleep(1);
    return { rejected: refused.map((envelope) => ({ envelope, reason: "poison" })), listLength: list.length };
  }

  async function pass(ms: number) {
    // Fine steps first: timers of one tick run without the promises between them.
    for (let left = ms, step = 1; left > 0; left -= step) {
      step = Math.min(left, ms - left < 150 ? 1 : 20);
      await turn();
      mock.timers.tick(step);
      await turn();
    }
  }

  return {
    ...world,
    processes,
    start,
    pass,
    poison,
    accepted,
    setBroker(mode: BrokerMode) {
      world.broker = mode;
      mayRepeat ||= mode === "forgetful";
      for (const waiter of waiters) waiter();
      waiters.clear();
    },
    setDisk(mode: DiskMode) {
      world.disk = mode;
      mayRepeat ||= mode === "broken";
    },
    /** The promise: to be true at any time. */
    check() {
      const last = new Map<string, number>();
      const seen = new Set<string>();
      for (const { id, run, seq } of list) {
        if (seen.has(id)) continue;
        seen.add(id);
        assert.ok(seq > (last.get(run) ?? 0), `seq ${seq} came after ${last.get(run)}`);
        last.set(run, seq);
      }
      for (const envelope of all) {
        const { id } = envelope;
        assert.ok(
          !accepted.has(id) || listed.has(id) || rejected.has(id) || onDisk.has(id),
          `seq ${envelope.seq} was accepted and is gone`,
        );
      }
    },
    /** The promise kept: with everything mended, all that was accepted is delivered, and what living processes sent. */
    checkDelivered() {
      for (const { id, seq, run, class: kind } of all) {
        if (accepted.has(id))
          assert.ok(listed.has(id) || rejected.has(id), `seq ${seq} was accepted, and not delivered`);
        const life = processes.find((process) => process.run === run)!;
        if (life.alive && kind !== "repeat") assert.ok(accepted.has(id), `seq ${seq} was never accepted`);
      }
      assert.equal(onDisk.size, 0, "rows are left");
      if (!mayRepeat) assert.equal(list.length, listed.size, "without a fault, nothing is sent twice");
    },
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}
