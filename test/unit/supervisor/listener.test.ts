// The source on standard input and output, driven by hand: READY, RESULT only once accepted, repeats and losses, the end of the pipe.
import { strict as assert } from "node:assert";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createEvents } from "../../../src/event.ts";
import type { Batch } from "../../../src/envelope.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { ProtocolError } from "../../../src/supervisor/protocol.ts";
import { findLife } from "../../../src/supervisor/life.ts";
import { listen } from "../../../src/supervisor/listener.ts";
import { fouetDefaults } from "../../servers/fouet-settings.ts";

const life = await findLife(process.ppid);

const receipt = { at: "broker" } as const;

const silent = { info() {}, warn() {}, error() {} };

/** The parent of a test is its runner: one life for all of them. */
function open(store: Store = openMemoryStore(), host = "web-1", settings = fouetDefaults()) {
  const input = new PassThrough();
  const output = new PassThrough();
  let written = "";
  output.on("data", (chunk) => (written += String(chunk)));
  const abort = new AbortController();
  const events = createEvents({ tool: "fouet", host, version: "1.0.0", format: "logstash" });
  const source = listen({
    input,
    output,
    events,
    host,
    store,
    settings,
    life,
    environment: {},
    signal: abort.signal,
    log: silent,
  });
  const batches = source[Symbol.asyncIterator]();
  return {
    input,
    abort,
    store,
    said: () => written,
    async next(): Promise<Batch> {
      const { value, done } = await batches.next();
      assert.ok(!done, "the source ended");
      return value;
    },
    raw: batches,
  };
}

interface Body {
  [key: string]: unknown;
  fouet: Record<string, unknown>;
  moustash: { id: string };
}
const bodies = (batch: Batch) => batch.events.map(({ body }) => JSON.parse(body) as Body);

function notification(serial: number, poolSerial = serial, name = "PROCESS_STATE_EXITED", payload?: string) {
  const text =
    payload ?? `processname:yaws groupname:web from_state:RUNNING expected:0 pid:${31_773 + serial}`;
  return `ver:3.0 server:supervisor serial:${serial} pool:fouet poolserial:${poolSerial} eventname:${name} len:${text.length}\n${text}`;
}

test("says READY, gives the event, and RESULT only once it is accepted", async () => {
  const fouet = open();
  fouet.input.write(notification(0));
  const batch = await fouet.next();
  assert.equal(fouet.said(), "READY\n");
  const [event] = bodies(batch);
  assert.equal(event!["message"], "PROCESS_STATE_EXITED");
  assert.equal(event!["program"], "yaws");
  assert.equal(event!["source"], "fouet");
  assert.equal(event!["type"], "fouet");
  assert.deepEqual(event!["tags"], ["fouet", "yaws", "exited", "notification"]);
  assert.deepEqual(event!.fouet, {
    summary: "web:yaws exited unexpectedly (was RUNNING, pid 31773)",
    processname: "yaws",
    groupname: "web",
    state: "EXITED",
    from_state: "RUNNING",
    pid: 31_773,
    expected: false,
    ver: "3.0",
    server: "supervisor",
    serial: 0,
    pool: "fouet",
    poolserial: 0,
    eventname: "PROCESS_STATE_EXITED",
    len: 70,
    life: event!.fouet["life"],
    evidence: "none",
  });
  await batch.accepted(receipt);
  assert.equal(fouet.said(), "READY\nRESULT 2\nOKREADY\n");
});

test("what comes again is answered when the first is safe, and not reported twice", async () => {
  const store = openMemoryStore();
  const first = open(store);
  first.input.write(notification(0));
  const batch = await first.next();
  await batch.accepted(receipt);

  // The relay died before its RESULT: supervisord sends the same to the next one.
  const second = open(store);
  second.input.write(notification(0));
  second.input.write(notification(1));
  const [event] = bodies(await second.next());
  assert.equal(event!.fouet["serial"], 1);
  assert.equal(second.said(), "READY\nRESULT 2\nOKREADY\n");
});

test("the same notification has the same id for every process of ours, another host another", async () => {
  const ids = [];
  for (const host of ["web-1", "web-1", "web-2"]) {
    const fouet = open(openMemoryStore(), host);
    fouet.input.write(notification(7, 0));
    ids.push(bodies(await fouet.next())[0]!.moustash.id);
  }
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[0], ids[2]);
});

test("a gap in poolserial is a loss, told before the event that reveals it", async () => {
  const fouet = open();
  fouet.input.write(notification(3, 0));
  await (await fouet.next()).accepted(receipt);
  fouet.input.write(notification(90, 74));
  const [loss, event] = bodies(await fouet.next());
  assert.equal(loss!["message"], "lost");
  assert.deepEqual(loss!["tags"], ["fouet", "supervisord", "lost", "notification"]);
  assert.equal(loss!.fouet["poolserials"], "1-73");
  assert.equal(loss!.fouet["serials"], "4-89");
  assert.equal(loss!.fouet["least"], 73);
  assert.equal(loss!.fouet["most"], 73);
  assert.equal(event!.fouet["serial"], 90);
});

test("a reload restarts poolserial: what lay in the buffer may be lost, serial and life go on", async () => {
  const fouet = open();
  fouet.input.write(notification(3, 3));
  await (await fouet.next()).accepted(receipt);
  fouet.input.write(notification(6, 0));
  const [loss] = bodies(await fouet.next());
  assert.equal(loss!.fouet["cause"], "reload");
  assert.equal(loss!.fouet["serials"], "4-5");
  assert.deepEqual([loss!.fouet["least"], loss!.fouet["most"]], [0, 2]);
});

test("supervisord closing the pipe ends the source, even in mid-payload", async () => {
  for (const text of ["", notification(1).slice(0, 40), notification(1).slice(0, -3)]) {
    const fouet = open();
    fouet.input.end(text);
    assert.deepEqual(await fouet.raw.next(), { done: true, value: undefined });
  }
});

test("garbage ends it with an error that shows it", async () => {
  const fouet = open();
  fouet.input.write("hello there\n");
  await assert.rejects(
    async () => fouet.raw.next(),
    (error) =>
      error instanceof ProtocolError && error.exitCode === 65 && error.message.includes('"hello there"'),
  );
});

test("on abort nothing more is asked for, and what is accepted is still answered", async () => {
  const fouet = open();
  fouet.input.write(notification(0));
  const batch = await fouet.next();
  fouet.abort.abort();
  assert.equal((await fouet.raw.next()).done, true);
  await batch.accepted(receipt);
  assert.equal(fouet.said(), "READY\nRESULT 2\nOK");
});

test("a digest that is due in a month sets no timer that rings at once", async () => {
  const settings = fouetDefaults({ flap_count: "2", flap_within: "30d" });
  const fouet = open(openMemoryStore(), "web-1", settings);
  const warnings: string[] = [];
  const hear = ({ name }: Error) => warnings.push(name);
  process.on("warning", hear);
  for (const serial of [0, 1, 2]) {
    fouet.input.write(notification(serial));
    await (await fouet.next()).accepted(receipt);
  }
  await new Promise(setImmediate);
  process.off("warning", hear);
  assert.deepEqual(warnings, []);
  fouet.abort.abort();
  assert.equal((await fouet.raw.next()).done, true);
});
