// Which ends of a wrapped command are told.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Memory, type Rule, decide, nothingYet, openMemory } from "../../../src/message/remember.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";

/** Runs a history of good (.) and bad (x) ends; gives what was told: - nothing, . good, x bad, ! recovered; upper case notifies. */
function history(ends: string, rule: Rule): string {
  let memory: Memory = nothingYet;
  return ends
    .split("")
    .map((end) => {
      const decision = decide(end === ".", rule, memory);
      memory = decision.tell ? decision.told : decision.next;
      if (!decision.tell) return "-";
      const what = decision.recovered ? "r" : end === "." ? "g" : "b";
      return decision.notify ? what.toUpperCase() : what;
    })
    .join("");
}

test("always: each end is told, people hear of failures and recoveries", () => {
  assert.equal(history("..xx..", { on: "always", after: 1 }), "ggBBRg");
  assert.equal(history("x.xxx.", { on: "always", after: 3 }), "bgbbBR");
});

test("fail: only failures that count", () => {
  assert.equal(history("..xx.x", { on: "fail", after: 1 }), "--BB-B");
  assert.equal(history("xx.xxxx.", { on: "fail", after: 3 }), "-----BB-");
});

test("change: once when it goes bad, once when it is good again", () => {
  assert.equal(history("..xxx..x.", { on: "change", after: 1 }), "--B--R-BR");
  assert.equal(history("xx.xxx.x.", { on: "change", after: 3 }), "-----BR--");
});

test("change: told and recovered alternate, whatever happens", () => {
  const ends = fc.stringMatching(/^[.x]{0,40}$/);
  fc.assert(
    fc.property(ends, fc.integer({ min: 1, max: 4 }), (text, after) => {
      const told = history(text, { on: "change", after }).replaceAll("-", "");
      assert.match(told, /^(BR)*B?$/);
    }),
  );
});

test("an end that was told of but not accepted is told of again", () => {
  const rule: Rule = { on: "change", after: 1 };
  const { next, tell } = decide(false, rule, nothingYet);
  assert.ok(tell);
  assert.ok(decide(false, rule, next).tell);
});

test("what is remembered is one program's from one source", async () => {
  await using store = openMemoryStore();
  const first = await openMemory(store, { program: "a", source: "b" });
  assert.deepEqual(first.memory, nothingYet);
  await first.write({ failures: 2, told: "bad" });
  assert.deepEqual((await openMemory(store, { program: "a", source: "b" })).memory, {
    failures: 2,
    told: "bad",
  });
  assert.deepEqual((await openMemory(store, { program: "a", source: "c" })).memory, nothingYet);
});
