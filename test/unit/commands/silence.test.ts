// --silence: what is wrong with its words is said before anything is remembered.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silence } from "../../../src/commands/silence.ts";
import { UsageError } from "../../../src/errors.ts";
import { readSilences } from "../../../src/probe/silence.ts";
import { parseTarget } from "../../../src/probe/target.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";

const nowMs = Date.parse("2026-11-22T13:37:20Z");
const targets = [parseTarget("R", "10.1.2.3:22:ssh")];

test("a time that no calendar holds is wrong usage, and nothing is remembered", async () => {
  const store = { ...openMemoryStore(), durable: true };
  for (const duration of ["999999999d", "36501d", "9".repeat(400), "soon"])
    await assert.rejects(silence({ words: ["R", duration, "broken"], targets, store, nowMs }), UsageError);
  assert.equal((await readSilences(store, nowMs)).size, 0);
  const said = await silence({ words: ["R", "36500d", "broken"], targets, store, nowMs });
  assert.match(said, /^R is silenced until 2126-/);
  assert.equal((await readSilences(store, nowMs)).size, 1);
});
