// When silence is believed, and when it is the prober that is cut off.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createIsolation, witnessPrefix } from "../../../src/probe/isolation.ts";

function trial({ others = 0, witnesses = 0 } = {}) {
  let nowMs = 1000;
  const looks: string[] = [];
  const changes: boolean[] = [];
  const isolation = createIsolation({
    now: () => nowMs,
    witnesses: () => witnesses,
    lookAround: (host) => {
      looks.push(host);
      return others;
    },
    changed: (isolated) => void changes.push(isolated),
  });
  return {
    isolation,
    looks,
    changes,
    pass: (ms: number) => (nowMs += ms),
    silent: (host: string, sinceMs = nowMs, startedMs = nowMs) =>
      isolation.silence(host, { sinceMs, startedMs, wasUp: true }),
  };
}

test("with nobody to compare to, silence is believed", () => {
  for (const others of [0, 1]) assert.equal(trial({ others }).silent("a"), "believable");
});

test("another host that answered since makes it believable, the same host's answer does not", () => {
  const { isolation, silent, pass } = trial({ others: 5 });
  const sinceMs = 1000;
  pass(10);
  isolation.proof("a");
  assert.equal(silent("a", sinceMs), "waiting");
  isolation.proof("b");
  assert.equal(silent("a", sinceMs), "believable");
  isolation.proof("a");
  assert.equal(silent("a", sinceMs), "believable", "b's answer still counts");
});

test("when all that were up fell silent, the prober is cut off, once, until anything answers", () => {
  const { isolation, silent, changes, pass } = trial({ others: 2 });
  assert.equal(silent("a"), "waiting");
  assert.equal(silent("b"), "waiting");
  assert.equal(silent("c"), "isolated");
  assert.equal(silent("a"), "isolated");
  assert.deepEqual(changes, [true]);
  pass(100);
  isolation.proof("b");
  assert.deepEqual(changes, [true, false]);
  assert.equal(silent("a", 1000, 1050), "isolated", "a probe of before the end proves nothing");
  pass(1000);
  isolation.proof("b");
  assert.equal(silent("a", 1500, 2000), "believable");
});

test("in a large fleet ten that fell silent are enough", () => {
  const { silent } = trial({ others: 5000 });
  const beliefs = Array.from({ length: 12 }, (_, index) => silent(`host-${index}`));
  assert.deepEqual(beliefs.slice(0, 10), Array(10).fill("waiting"));
  assert.equal(beliefs[10], "isolated");
});

test("doubt has an end", () => {
  const { silent, pass } = trial({ others: 5 });
  assert.equal(silent("a", 1000), "waiting");
  pass(15_001);
  assert.equal(silent("a", 1000), "believable");
});

test("witnesses decide where there are some, also for one target alone", () => {
  const { silent, isolation, pass } = trial({ witnesses: 2 });
  assert.equal(silent("a"), "waiting");
  silent(`${witnessPrefix}1`);
  assert.equal(silent("a"), "waiting");
  silent(`${witnessPrefix}2`);
  assert.equal(silent("a"), "isolated");
  pass(10);
  isolation.proof(`${witnessPrefix}1`);
  assert.equal(isolation.active, false);
});

test("it looks around once a second, not for each of thousands", () => {
  const { silent, looks, pass } = trial({ others: 50 });
  for (let count = 0; count < 100; count += 1) silent("a");
  assert.equal(looks.length, 1);
  pass(1000);
  silent("b");
  assert.deepEqual(looks, ["a", "b"]);
});
