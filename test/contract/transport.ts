// What every transport must do, whatever the broker: one suite, run on each implementation against a real server.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Envelope } from "../../src/envelope.ts";
import { createEvents } from "../../src/event.ts";
import { type Transport, TransportError } from "../../src/transport/transport.ts";
import { eventually } from "../servers/server.ts";

/** A broker made for one test, with the ways in which it can fail. */
export interface Broker extends AsyncDisposable {
  connect(): Transport;
  /** All events that it holds, oldest first. */
  events(): Promise<string[]>;
  /** Hangs without closing connections. */
  stop?(): Promise<void> | void;
  resume?(): Promise<void> | void;
  /** Gone; `start` brings it back, with what it had on disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

const options = { timeoutMs: 60_000 };

/** Encoded events of one run, numbered in `message`. */
export function makeEvents(count: number, { program = "ssh", pad = "" } = {}): Envelope[] {
  const events = createEvents({ tool: "panpan", host: "web-1", version: "1.0.0", format: "logstash" });
  return Array.from({ length: count }, (_, index) =>
    events.create({
      atMs: 1_700_000_000_000 + index,
      class: "message",
      message: `${index} é😀${pad}`,
      program,
      source: "test",
      tags: ["panpan"],
      notify: true,
    }),
  );
}

export const bodies = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ body }) => body);

/** The first copy of each event, in order of arrival. */
export function firstCopies(arrived: readonly string[]): string[] {
  return [...new Set(arrived)];
}

export interface Losses {
  readonly lost: number;
  /** What a broker had acknowledged and forgot when it was killed: its own loss, for its user to prevent. */
  readonly lost_by_broker: number;
  readonly out_of_order: number;
}

export const noLosses: Losses = { lost: 0, lost_by_broker: 0, out_of_order: 0 };

/** Of acknowledged events, in the order in which they were sent; the first of them by the broker that was killed. */
export function countLosses(
  acknowledged: readonly Envelope[],
  { byKilled, arrived }: { byKilled: number; arrived: readonly string[] },
): Losses {
  const there = new Set(arrived);
  const isMissing = ({ body }: Envelope) => !there.has(body);
  const places = new Map(acknowledged.map(({ body }, index) => [body, index]));
  const order = [...there].map((body) => places.get(body) ?? assert.fail("it was never sent"));
  return {
    lost: acknowledged.slice(byKilled).filter(isMissing).length,
    lost_by_broker: acknowledged.slice(0, byKilled).filter(isMissing).length,
    out_of_order: order.filter((place, index) => place < Math.max(-1, ...order.slice(0, index))).length,
  };
}

export async function assertRejects(
  promise: Promise<unknown>,
  code: TransportError["code"],
  ...patterns: RegExp[]
): Promise<TransportError> {
  const error: unknown = await promise.then(
    () => assert.fail("it resolved"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof TransportError, String((error as Error)?.stack ?? error));
  assert.equal(error.code, code, error.message);
  for (const pattern of patterns) assert.match(error.message, pattern);
  return error;
}

/** Sends until it is taken: what the pipeline does with its backoff. Gives the errors on the way. */
export async function sendUntilTaken(
  transport: Transport,
  envelopes: readonly Envelope[],
  { withinMs = 120_000, timeoutMs = 5000 } = {},
): Promise<TransportError[]> {
  const errors: TransportError[] = [];
  await eventually(
    async () => {
      try {
        await transport.send(envelopes, { timeoutMs });
        return true;
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        errors.push(error);
        await delay(50);
        throw error;
      }
    },
    { withinMs, what: "sending" },
  );
  return errors;
}

export function testTransport(
  name: string,
  open: () => Promise<Broker>,
  { skip = false }: { skip?: string | false } = {},
): void {
  describe(`transport: ${name}`, { skip }, () => {
    it("brings a batch in order, byte for byte, and a second behind it", async () => {
      await using broker = await open();
      await using transport = broker.connect();
      const events = makeEvents(500);
      const first = await transport.send(events.slice(0, 300), options);
      assert.deepEqual(first.rejected, []);
      await transport.send(events.slice(300), options);
      assert.deepEqual(await broker.events(), bodies(events));
    });

    it("takes an empty batch as a question whether the broker is there", async () => {
      await using broker = await open();
      await using transport = broker.connect();
      await transport.send([], options);
      assert.deepEqual(await broker.events(), []);
      await broker.kill();
      await using late = broker.connect();
      await assertRejects(late.send([], options), "unavailable");
    });

    it("keeps a batch of many megabytes whole", async () => {
      await using broker = await open();
      await using transport = broker.connect();
      const events = makeEvents(90, { pad: "ü".repeat(100_000) });
      await transport.send(events, options);
      assert.deepEqual(await broker.events(), bodies(events));
    });

    it("connects anew by itself when the broker is back, and keeps the order", async () => {
      await using broker = await open();
      await using transport = broker.connect();
      const events = makeEvents(4);
      await transport.send(events.slice(0, 2), options);
      await broker.kill();
      await assertRejects(transport.send(events.slice(2), options), "unavailable");
      await assertRejects(transport.send(events.slice(2), options), "unavailable");
      await broker.start();
      await sendUntilTaken(transport, events.slice(2));
      const arrived = firstCopies(await broker.events());
      assert.deepEqual(arrived.slice(-2), bodies(events.slice(2)));
    });

    it("gives up in time where the broker hangs, and nothing overtakes", async (t) => {
      await using broker = await open();
      if (!broker.stop || !broker.resume) return t.skip("this broker cannot be stopped");
      // However this ends: the next test has the same server.
      t.after(() => broker.resume?.());
      await using transport = broker.connect();
      const events = makeEvents(4);
      await transport.send(events.slice(0, 1), options);
      await broker.stop();
      await assertRejects(transport.send(events.slice(1, 3), { timeoutMs: 200 }), "unavailable", /200 ms/);
      await assertRejects(transport.send(events.slice(1, 3), { timeoutMs: 200 }), "unavailable");
      await broker.resume();
      await sendUntilTaken(transport, events.slice(1, 3));
      await transport.send(events.slice(3), options);
      const arrived = await broker.events();
      assert.deepEqual(firstCopies(arrived), bodies(events));
      // Nothing of the sends that timed out comes behind what was sent later.
      assert.equal(arrived.at(-1), events[3]!.body);
    });

    it("ends a send under way when it is closed", async (t) => {
      await using broker = await open();
      if (!broker.stop || !broker.resume) return t.skip("this broker cannot be stopped");
      // However this ends: the next test has the same server.
      t.after(() => broker.resume?.());
      const transport = broker.connect();
      await transport.send(makeEvents(1), options);
      await broker.stop();
      const rejected = assertRejects(transport.send(makeEvents(1), options), "unavailable");
      await transport[Symbol.asyncDispose]();
      await rejected;
      await broker.resume();
    });
  });
}
