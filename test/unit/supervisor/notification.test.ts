// Every event name that supervisord knows, in the words of its own payloads (supervisor 4.2.5, events.py).
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { eventNames, parseHeader, parsePayload, parseTokens } from "../../../src/supervisor/notification.ts";

const state = "processname:app groupname:web from_state:";
const payloads: Readonly<Record<string, readonly [text: string, value: object]>> = {
  PROCESS_STATE_STOPPED: [
    `${state}STOPPING pid:7`,
    { kind: "state", state: "STOPPED", from: "STOPPING", pid: 7 },
  ],
  PROCESS_STATE_STARTING: [
    `${state}EXITED tries:0`,
    { kind: "state", state: "STARTING", from: "EXITED", tries: 0 },
  ],
  PROCESS_STATE_RUNNING: [
    `${state}STARTING pid:7`,
    { kind: "state", state: "RUNNING", from: "STARTING", pid: 7 },
  ],
  PROCESS_STATE_BACKOFF: [
    `${state}STARTING tries:2`,
    { kind: "state", state: "BACKOFF", from: "STARTING", tries: 2 },
  ],
  PROCESS_STATE_STOPPING: [
    `${state}RUNNING pid:7`,
    { kind: "state", state: "STOPPING", from: "RUNNING", pid: 7 },
  ],
  PROCESS_STATE_EXITED: [
    `${state}RUNNING expected:0 pid:7`,
    { kind: "state", state: "EXITED", from: "RUNNING", expected: false, pid: 7 },
  ],
  PROCESS_STATE_FATAL: [`${state}BACKOFF`, { kind: "state", state: "FATAL", from: "BACKOFF" }],
  PROCESS_STATE_UNKNOWN: [`${state}RUNNING`, { kind: "state", state: "UNKNOWN", from: "RUNNING" }],
  PROCESS_LOG_STDOUT: [
    "processname:app groupname:web pid:7 channel:stdout\nline: one\nline two\n",
    { kind: "log", channel: "stdout", pid: 7, data: "line: one\nline two\n" },
  ],
  PROCESS_LOG_STDERR: [
    "processname:app groupname:web pid:7 channel:stderr\n",
    { kind: "log", channel: "stderr", pid: 7, data: "" },
  ],
  PROCESS_COMMUNICATION_STDOUT: [
    "processname:app groupname:web pid:7\nhello",
    { kind: "communication", channel: "stdout", pid: 7, data: "hello" },
  ],
  PROCESS_COMMUNICATION_STDERR: [
    "processname:app groupname:web pid:7\nUndecodable: b'\\xff'",
    { kind: "communication", channel: "stderr", pid: 7, data: "Undecodable: b'\\xff'" },
  ],
  REMOTE_COMMUNICATION: [
    "type:my type: this\nsome\ndata",
    { kind: "remote", type: "my type: this", data: "some\ndata" },
  ],
  PROCESS_GROUP_ADDED: ["groupname:web\n", { kind: "group", group: "web", change: "added" }],
  PROCESS_GROUP_REMOVED: ["groupname:web\n", { kind: "group", group: "web", change: "removed" }],
  SUPERVISOR_STATE_CHANGE_RUNNING: ["", { kind: "supervisor", state: "running" }],
  SUPERVISOR_STATE_CHANGE_STOPPING: ["", { kind: "supervisor", state: "stopping" }],
  TICK_5: ["when:1201063880", { kind: "tick", periodS: 5, whenMs: 1_201_063_880_000 }],
  TICK_60: ["when:1201063880", { kind: "tick", periodS: 60, whenMs: 1_201_063_880_000 }],
  TICK_3600: ["when:99999999999999", { kind: "tick", periodS: 3600 }],
};

test("every event name has its payload here", () => {
  assert.deepEqual(Object.keys(payloads).toSorted(), [...eventNames].toSorted());
});

for (const [name, [text, value]] of Object.entries(payloads)) {
  test(`${name} is understood`, () => {
    const { other, ...payload } = parsePayload(name, text) as {
      other?: object;
      process?: string;
      group?: string;
    };
    const named = text.startsWith("processname") ? { process: "app", group: "web" } : {};
    assert.deepEqual(payload, { ...named, ...value });
    assert.deepEqual(other ?? {}, {});
  });
}

test("keys of a later supervisord are kept", () => {
  const payload = parsePayload(
    "PROCESS_STATE_FATAL",
    "processname:a groupname:a from_state:BACKOFF reason:no:way out",
  );
  assert.ok(payload.kind === "state");
  assert.deepEqual(payload.other, { reason: "no:way out" });
});

test("a payload that is not of its event's form is kept as text", () => {
  assert.deepEqual(parsePayload("PROCESS_STATE_RUNNING", "nonsense"), { kind: "unknown", text: "nonsense" });
  assert.deepEqual(parsePayload("PROCESS_GROUP_ADDED", ""), { kind: "unknown", text: "" });
});

test("no text makes the parsers throw", () => {
  fc.assert(
    fc.property(fc.constantFrom(...eventNames, "OTHER"), fc.string({ unit: "binary" }), (name, text) => {
      parseTokens(text);
      parseHeader(text);
      assert.ok(parsePayload(name, text).kind);
    }),
    { numRuns: 2000 },
  );
});
