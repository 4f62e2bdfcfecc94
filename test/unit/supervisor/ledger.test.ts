// supervisord's log lines, as 4.2.5 writes them, and what they tell of a death.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createLedger } from "../../../src/supervisor/ledger.ts";
import { parseLogLine } from "../../../src/supervisor/mainlog.ts";

function read(...texts: string[]) {
  const ledger = createLedger();
  for (const [at, text] of texts.entries()) {
    const line = parseLogLine(`2026-11-23 17:14:0${at},250 INFO ${text}`);
    assert.ok(line, text);
    ledger.take(line);
  }
  return ledger;
}

test("an exit code, with how long it ran", () => {
  const ledger = read(
    "spawned: 'app' with pid 7",
    "success: app entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
    "exited: app (exit status 7; not expected)",
  );
  assert.deepEqual(ledger.find({ process: "app", pid: 7 }), { exitCode: 7, expected: false, ranMs: 2000 });
  assert.equal(ledger.find({ process: "app", pid: 8 }), undefined);
  assert.equal(ledger.find({ process: "other", pid: 7 }), undefined);
});

test("signals, with or without a name, with a core", () => {
  for (const [text, fact] of [
    ["terminated by SIGSEGV", { signal: "SIGSEGV" }],
    ["terminated by SIGABRT (core dumped)", { signal: "SIGABRT", coreDumped: true }],
    ["terminated by signal 35", { signal: "signal 35" }],
    ["unknown termination cause 0x1234", { cause: "unknown termination cause 0x1234" }],
  ] as const) {
    const ledger = read("spawned: 'app' with pid 7", `exited: app (${text}; not expected)`);
    assert.deepEqual(ledger.find({ process: "app", pid: 7 }), { ...fact, expected: false, ranMs: 1000 });
  }
});

test("a stop that had to be a kill", () => {
  const ledger = read(
    "spawned: 'app' with pid 7",
    "waiting for app to stop",
    "killing 'app' (7) with SIGKILL",
    "stopped: app (terminated by SIGKILL)",
  );
  assert.deepEqual(ledger.find({ process: "app", pid: 7 }), { signal: "SIGKILL", killed: true, ranMs: 3000 });
});

test("failed starts are counted as supervisord counts them", () => {
  const ledger = read(
    "spawned: 'app' with pid 7",
    "exited: app (exit status 1; not expected)",
    "spawned: 'app' with pid 8",
    "exited: app (exit status 2; not expected)",
    "gave up: app entered FATAL state, too many start retries too quickly",
    "spawned: 'app' with pid 9",
    "exited: app (exit status 3; not expected)",
  );
  assert.equal(ledger.find({ process: "app", tries: 2 })?.exitCode, 2);
  assert.equal(ledger.find({ process: "app", tries: 1 })?.exitCode, 3);
});

test("who was spawned before we read is known by that; a name that lives twice is not guessed", () => {
  const ledger = read("exited: app (exit status 4; expected)");
  assert.equal(ledger.find({ process: "app", pid: 7 })?.exitCode, 4);
  assert.equal(ledger.find({ process: "app", pid: 8 }), undefined);
  const twice = read(
    "spawned: 'x' with pid 7",
    "spawned: 'x' with pid 8",
    "exited: x (exit status 4; expected)",
  );
  assert.equal(twice.find({ process: "x", pid: 7 }), undefined);
});

test("what the buffer threw away, once", () => {
  const ledger = read("pool fouet event buffer overflowed, discarding event 12");
  assert.deepEqual(ledger.discarded("fouet"), [12]);
  assert.deepEqual(ledger.discarded("fouet"), []);
});

test("other lines, cut lines, no lines", () => {
  assert.equal(parseLogLine("2026-11-23 17:14:23,348 CRIT Server 'unix_http_server' running")?.kind, "other");
  assert.equal(parseLogLine('  File "x.py", line 3'), undefined);
  assert.equal(parseLogLine(""), undefined);
});
