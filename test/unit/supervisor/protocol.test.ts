// The protocol reader: whatever the pieces, whatever is counted, never a hang, never a wrong frame, bounded memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { createReader, ProtocolError } from "../../../src/supervisor/protocol.ts";

/** FUZZ_RUNS=1000000 for the long run. */
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 5000);

const bytesOf = (text: string) => Buffer.from(text, "utf8");
const points = (text: string) => Array.from(text).length;

function frame(eventName: string, payload: string, serial = 4, length = points(payload)) {
  return bytesOf(
    `ver:3.0 server:supervisor serial:${serial} pool:fouet poolserial:${serial} eventname:${eventName} len:${length}\n${payload}`,
  );
}

test("reads the original's own example, and at once the next header", () => {
  const payload = "processname:yaws groupname:yaws from_state:STOPPING pid:31773";
  const next =
    "ver:3.0 server:supervisor serial:5 pool:fouet poolserial:5 eventname:PROCESS_STATE_STARTING len:58\n";
  const reader = createReader();
  const [first, ...others] = reader.push(
    Buffer.concat([frame("PROCESS_STATE_STOPPED", payload), bytesOf(next)]),
  );
  assert.deepEqual(others, []);
  assert.deepEqual(first!.header, {
    version: "3.0",
    server: "supervisor",
    serial: 4,
    pool: "fouet",
    poolSerial: 4,
    eventName: "PROCESS_STATE_STOPPED",
    length: payload.length,
    other: {},
  });
  assert.deepEqual(first!.payload, {
    kind: "state",
    process: "yaws",
    group: "yaws",
    state: "STOPPED",
    from: "STOPPING",
    pid: 31_773,
    other: {},
  });
  assert.equal(reader.unread, "payload");
});

test("counts code points, as Python's supervisord does", () => {
  const reader = createReader();
  const text = "processname:été groupname:été pid:7 channel:stdout\n😀 Grüße";
  const [only] = reader.push(frame("PROCESS_LOG_STDOUT", text));
  assert.equal(only!.payload.kind === "log" && only!.payload.data, "😀 Grüße");
  assert.equal(only!.payload.kind === "log" && only!.payload.process, "été");
});

for (const [name, length] of [
  ["bytes, as the supervisord written in Go does", (text: string) => bytesOf(text).length],
  ["UTF-16 units, as a narrow Python 2 does", (text: string) => text.length],
] as const) {
  test(`finds out by silence that a peer counts ${name}, once`, () => {
    const reader = createReader();
    const text = "processname:été groupname:été from_state:RUNNING pid:7 mood:😀";
    assert.deepEqual(reader.push(frame("PROCESS_STATE_STOPPING", text, 1, length(text))), []);
    assert.equal(reader.settling, true);
    const settled = reader.settle();
    assert.equal(settled?.payload.kind === "state" && settled.payload.process, "été");
    const [second] = reader.push(frame("PROCESS_STATE_STOPPING", text, 2, length(text)));
    assert.deepEqual(second?.payload, settled?.payload);
    assert.equal(reader.settling, false);
  });
}

test("never believes in bytes once code points are proven", () => {
  const reader = createReader();
  assert.equal(
    reader.push(frame("PROCESS_COMMUNICATION_STDOUT", "processname:é groupname:é pid:1\nx")).length,
    1,
  );
  const half = frame("REMOTE_COMMUNICATION", "type:a\néé");
  // Nine bytes have come of a payload of nine code points.
  assert.deepEqual(reader.push(half.subarray(0, half.length - 2)), []);
  assert.equal(reader.settling, false);
  assert.equal(reader.push(half.subarray(half.length - 2)).length, 1);
});

test("keeps what it does not know", () => {
  const [only] = createReader().push(
    bytesOf("mood:good:very len:5 eventname:SOMETHING_NEW serial:7 server:my box pool:p\nhello"),
  );
  assert.deepEqual(only!.payload, { kind: "unknown", text: "hello" });
  assert.deepEqual(only!.header.other, { mood: "good:very" });
  assert.equal(only!.header.server, "my box");
  assert.equal(only!.header.poolSerial, undefined);
});

test("a payload of 20 MB is counted to its end and kept in part", () => {
  const reader = createReader({ mostPayloadBytes: 1001 });
  const big = "é".repeat(10_000_000);
  const all = Buffer.concat([
    frame("REMOTE_COMMUNICATION", `type:t\n${big}`),
    frame("SUPERVISOR_STATE_CHANGE_RUNNING", "", 5),
  ]);
  const [first, second] = reader.push(all);
  assert.equal(first!.truncated, true);
  assert.equal(first!.payload.kind === "remote" && first!.payload.data, "é".repeat(497));
  assert.deepEqual(second!.payload, { kind: "supervisor", state: "running" });
});

test("garbage is refused with what was seen", () => {
  assert.throws(
    () => createReader().push(bytesOf("GET / HTTP/1.1\r\n")),
    (error) => error instanceof ProtocolError && error.message.includes('"GET / HTTP/1.1'),
  );
  assert.throws(() => createReader().push(Buffer.alloc(9000, 0xff)), ProtocolError);
  assert.throws(() => createReader().push(bytesOf("len:abc serial:1 eventname:X\n")), ProtocolError);
  assert.throws(() => createReader().push(bytesOf("\n")), ProtocolError);
});

const character = fc.oneof(
  fc.integer({ min: 0, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
  fc.integer({ min: 10, max: 127 }),
);
const anyText = fc.array(character, { maxLength: 60 }).map((codes) => String.fromCodePoint(...codes));

test("any texts, cut anywhere, come out whole and in order", () => {
  fc.assert(
    fc.property(
      fc.array(anyText, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(400), { maxLength: 30 }),
      (texts, cuts) => {
        const all = Buffer.concat(
          texts.map((text, at) => frame("REMOTE_COMMUNICATION", `type:t\n${text}`, at)),
        );
        const reader = createReader();
        const seen = [];
        let at = 0;
        for (const cut of [...cuts, all.length]) {
          seen.push(...reader.push(all.subarray(at, at + cut)));
          at += cut;
        }
        assert.deepEqual(
          seen.map(({ payload }) => payload.kind === "remote" && payload.data),
          texts,
        );
        assert.equal(reader.unread, "nothing");
      },
    ),
    { numRuns: Math.ceil(numRuns / 5) },
  );
});

test("any bytes either are notifications or are refused", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(
        fc.constantFrom("len:", "serial:1 eventname:TICK_5 len:3\n", "\n", "ver:3.0 "),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([text, rest]) => Buffer.concat([bytesOf(text), rest])),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (pieces) => {
      const reader = createReader({ mostHeaderBytes: 200, mostPayloadBytes: 100 });
      try {
        for (const piece of pieces) {
          reader.push(piece);
          if (reader.settling) assert.ok(reader.settle());
        }
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns },
  );
});
