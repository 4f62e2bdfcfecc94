// What is known of processes, what people hear, and flapping: through restarts of ours.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { fouetStatus } from "../../../src/commands/supervisor-status.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { watchFlapping } from "../../../src/supervisor/flapping.ts";
import { space } from "../../../src/supervisor/journal.ts";
import { noticeOf } from "../../../src/supervisor/notice.ts";
import type { ProcessState, StatePayload } from "../../../src/supervisor/notification.ts";
import { openProcesses } from "../../../src/supervisor/processes.ts";
import { differences } from "../../../src/supervisor/reconcile.ts";
import type { ProcessInfo } from "../../../src/supervisor/evidence.ts";

const payload = (state: ProcessState, more: Partial<StatePayload> = {}): StatePayload => ({
  kind: "state",
  process: "app",
  group: "web",
  state,
  from: "",
  other: {},
  ...more,
});

test("durations and restarts, remembered by the next process of ours", async () => {
  const store = openMemoryStore();
  const first = await openProcesses(store, "s");
  first.take(payload("STARTING"), 1000);
  assert.equal(first.take(payload("RUNNING", { pid: 7 }), 3000).startedInMs, 2000);
  await store.write(space, first.changes());
  const second = await openProcesses(store, "s");
  assert.equal(second.remembered, true);
  assert.equal(second.take(payload("EXITED", { pid: 7 }), 9000).ranMs, 8000);
  assert.equal(second.take(payload("STARTING"), 10_000).restartsLastHour, 1);
  assert.equal(second.take(payload("STARTING"), 3_605_000).restartsLastHour, 1);
  assert.equal((await openProcesses(store, "other")).remembered, false);
});

test("spawns that earlier versions kept with the process, as a list or as text", async () => {
  for (const spawns of [[500, 1000], "500 1000"]) {
    const store = openMemoryStore();
    const kept = { state: "RUNNING", atMs: 2000, spawnedMs: 1000, spawns, faulty: false };
    await store.write(space, new Map([["process s web:app", kept]]));
    const first = await openProcesses(store, "s");
    assert.equal(first.take(payload("RUNNING"), 2500).restartsLastHour, 1);
    await store.write(space, first.changes());
    const second = await openProcesses(store, "s");
    assert.equal(second.take(payload("STARTING"), 3000).restartsLastHour, 2);
  }
});

test("two hundred spawns of the last hour are kept, and those alone", async () => {
  const store = openMemoryStore();
  const first = await openProcesses(store, "s");
  for (let spawn = 0; spawn < 300; spawn += 1) first.take(payload("STARTING"), 7_000_000 + spawn * 10_000);
  await store.write(space, first.changes());
  const second = await openProcesses(store, "s");
  assert.equal(second.take(payload("RUNNING"), 10_000_000).restartsLastHour, 199);
  const untilMs = 7_000_000 + 250 * 10_000 + 3_600_000;
  assert.equal(second.take(payload("RUNNING"), untilMs).restartsLastHour, 48);
  second.forget("web:app");
  await store.write(space, second.changes());
  assert.equal((await store.entries(space)).size, 0);
});

test("what people hear of", () => {
  const faults = { notify: "faults", backoff_tries: 3 } as const;
  const known = { state: "EXITED", atMs: 0, faulty: true } as const;
  for (const [one, before, notice] of [
    [payload("EXITED", { expected: false }), undefined, "fault"],
    [payload("EXITED", { expected: true }), undefined, undefined],
    [payload("BACKOFF", { tries: 2 }), undefined, undefined],
    [payload("BACKOFF", { tries: 3 }), undefined, "fault"],
    [payload("BACKOFF", { tries: 4 }), undefined, undefined],
    [payload("FATAL"), undefined, "fault"],
    [payload("UNKNOWN"), undefined, "fault"],
    [payload("STOPPED"), undefined, undefined],
    [payload("RUNNING"), undefined, undefined],
    [payload("RUNNING"), known, "recovery"],
  ] as const) {
    assert.equal(noticeOf(one, before, faults), notice, JSON.stringify(one));
    assert.equal(noticeOf(one, before, { ...faults, notify: "none" }), undefined);
    assert.equal(noticeOf(one, before, { ...faults, notify: "all" }), notice ?? "all");
  }
});

test("flapping: the first pass, FATAL always passes, the rest is counted, and calm is told", () => {
  const flapping = watchFlapping({ count: 3, withinMs: 1000 });
  const passes = (atMs: number, state = "EXITED") => flapping.passes("web", "app", state, atMs);
  assert.deepEqual(
    [0, 100, 200, 300].map((atMs) => passes(atMs)),
    [true, true, false, false],
  );
  assert.equal(passes(400, "FATAL"), true);
  assert.equal(flapping.passes("web", "other", "EXITED", 400), true);
  assert.equal(flapping.nextMs, 1200);
  assert.deepEqual(flapping.due(1199), []);
  const [digest] = flapping.due(1200);
  assert.deepEqual(digest?.counts, { EXITED: 2, FATAL: 1 });
  assert.equal(digest?.over, false);
  assert.equal(flapping.due(2200)[0]?.over, true);
  assert.equal(flapping.nextMs, undefined);
  assert.equal(passes(2300), true);
  const never = watchFlapping({ count: undefined, withinMs: 1000 });
  assert.ok([1, 2, 3, 4, 5, 6].every((atMs) => never.passes("a", "a", "EXITED", atMs)));
});

test("what nobody told: resting states that differ at both looks", async () => {
  const processes = await openProcesses(openMemoryStore(), "s");
  processes.take(payload("RUNNING", { pid: 7 }), 0);
  processes.take(payload("RUNNING", { process: "gone", pid: 8 }), 0);
  const info = (more: Partial<ProcessInfo>): ProcessInfo => ({
    name: "app",
    group: "web",
    statename: "RUNNING",
    pid: 7,
    start: 1,
    stop: 0,
    exitstatus: 0,
    spawnerr: "",
    stdout_logfile: "",
    stderr_logfile: "",
    ...more,
  });
  const missed = (first: ProcessInfo, second = first) =>
    differences({ first: [first], second: [second], processes }).length;
  assert.equal(missed(info({})), 0);
  assert.equal(processes.get("web:gone"), undefined);
  assert.equal(missed(info({ pid: 9 })), 1);
  assert.equal(missed(info({ statename: "FATAL", pid: 0 })), 1);
  assert.equal(missed(info({}), info({ statename: "FATAL", pid: 0 })), 0);
  assert.equal(missed(info({ statename: "STARTING", pid: 9 })), 0);
  assert.equal(missed(info({ name: "new", statename: "STOPPED", pid: 0, start: 0 })), 0);
  assert.equal(missed(info({ name: "new" })), 1);
});

test("fouet --status: what is remembered, a line for each process, and 1 while there is trouble", async () => {
  const store = openMemoryStore();
  const first = await openProcesses(store, "stdio unix:///run/s.sock");
  first.take(payload("STARTING"), 1000);
  first.take(payload("RUNNING", { pid: 7 }), 2000);
  await store.write(space, first.changes());
  let text = "";
  const output = { write: (piece: string) => (text += piece) };
  assert.equal(await fouetStatus({ store, output }), 0);
  assert.deepEqual(JSON.parse(text), {
    stream: "stdio unix:///run/s.sock",
    process: "web:app",
    state: "RUNNING",
    since: "1970-01-01T00:00:02.000Z",
    pid: 7,
    restarts_last_hour: 0,
    faulty: false,
  });
  first.take(payload("FATAL"), 3000, true);
  await store.write(space, first.changes());
  text = "";
  assert.equal(await fouetStatus({ store, output: { ...output, isTTY: true } }), 1);
  assert.match(text, /^STATE +PROCESS.*\nFATAL +web:app.*trouble\n/);
});
