// The thread comes with the first call, rests when it may, and loses no call while it does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NoThreadError, openThread } from "../../src/thread.ts";
import { eventually } from "../servers/server.ts";

const entry = new URL("../harness/counting-thread.ts", import.meta.url);

/** What test/harness/counting-thread.ts serves. */
interface Counter extends Record<string, (...values: never[]) => Promise<unknown>> {
  echo(value: number): Promise<number>;
  keep(value: boolean): Promise<void>;
  fail(): Promise<void>;
  die(): Promise<void>;
}

function open(restAfterMs: number) {
  const thread = openThread(entry, { restAfterMs });
  const memory = new Int32Array(new SharedArrayBuffer(8));
  const client = thread.service<Counter>("counter", { memory }, () => {});
  const rests = () => eventually(() => !thread.isRunning, { what: "the thread rests" });
  return {
    ...client,
    thread,
    rests,
    opened: () => Atomics.load(memory, 0),
    closed: () => Atomics.load(memory, 1),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

test("no thread before the first call, none some time after the last, and another for the next", async () => {
  await using counter = open(30);
  const { ask, thread, rests, opened, closed } = counter;
  assert.equal(thread.isRunning, false);
  assert.equal(await ask("echo", 1), 1);
  assert.equal(thread.isRunning, true);
  await rests();
  assert.deepEqual([opened(), closed()], [1, 1]);
  assert.equal(await ask("echo", 2), 2);
  assert.deepEqual([opened(), closed()], [2, 1]);
});

test("a service that would forget something keeps its thread", async () => {
  await using counter = open(10);
  const { ask, thread, rests, opened, closed } = counter;
  await ask("keep", true);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(thread.isRunning, true);
  assert.deepEqual([opened(), closed()], [1, 0]);
  await ask("keep", false);
  await rests();
});

test("calls that come while the thread goes to rest are answered, in their order", async () => {
  await using counter = open(1);
  const { ask, opened } = counter;
  const answers: number[] = [];
  const calls: Promise<unknown>[] = [];
  const begun = performance.now();
  for (let call = 0; opened() < 5 || call % 2 === 1; call += 1) {
    assert.ok(performance.now() - begun < 30_000, "the thread rests between some of the calls");
    calls.push(ask("echo", call).then((value) => answers.push(value)));
    // Mostly when the thread is asked to rest.
    if (call % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 2));
  }
  await Promise.all(calls);
  assert.deepEqual(
    answers,
    answers.map((_, index) => index),
  );
});

test("to close a service starts no thread", async () => {
  await using counter = open(10);
  const { ask, close, thread, rests, closed } = counter;
  await close();
  assert.equal(thread.isRunning, false);
  await ask("echo", 1);
  await close();
  assert.equal(closed(), 1);
  await rests();
  await close();
  assert.equal(thread.isRunning, false);
});

test("a thread that dies fails the calls under way, and the next call starts another", async () => {
  await using counter = open(1000);
  const { ask } = counter;
  await assert.rejects(ask("fail"), /a bug/);
  await assert.rejects(ask("die"), /ended with 3/);
  assert.equal(await ask("echo", 4), 4);
});

test("a thread that cannot be started fails the call, and says what to do", async () => {
  // No path: Node refuses it at once, as it does where the kernel refuses the thread.
  await using thread = openThread("nowhere");
  const { ask } = thread.service<Counter>("counter", {}, () => {});
  await assert.rejects(
    ask("echo", 1),
    (error) => error instanceof NoThreadError && /limit/.test(error.message),
  );
  assert.equal(thread.isRunning, false);
});
