// Payloads, patterns and dialogues as they are written.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseDialogue, parsePattern, parsePayload } from "../../../src/probe/dialogue.ts";

test("payloads: escapes and any bytes", () => {
  assert.deepEqual(parsePayload("PING\\r\\n"), Buffer.from("PING\r\n"));
  assert.deepEqual(parsePayload("\\x00\\xff\\\\é"), Buffer.from([0, 255, 0x5c, 0xc3, 0xa9]));
  assert.throws(() => parsePayload("a\\q"), /"\\q" is no escape/);
  assert.throws(() => parsePayload("a\\"), /no escape/);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
      assert.deepEqual(parsePayload(text), Buffer.from(bytes));
    }),
  );
});

test("patterns: bare, or with flags", () => {
  assert.ok(parsePattern("^250 ").test("hello\n250 ok"));
  assert.ok(parsePattern("/PONG/i").test("pong"));
  assert.throws(() => parsePattern("("), /no regular expression/);
});

test("dialogues: line by line", () => {
  assert.deepEqual(
    parseDialogue("expect ^220\n send EHLO x\\r\\n\n\n starttls").map(({ is }) => is),
    ["expect", "send", "starttls"],
  );
  assert.throws(() => parseDialogue("hello"), /must begin with expect, send or starttls/);
  assert.throws(() => parseDialogue(" \n"), /empty/);
});
