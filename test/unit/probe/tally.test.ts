// The numbers of a summary.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTally, quantile } from "../../../src/probe/tally.ts";

test("count, loss, middle and tail; then anew", () => {
  const tally = createTally();
  for (let ms = 1; ms <= 99; ms += 1) tally.add("up", ms);
  tally.add("down", 3000);
  tally.add("unknown", 3000);
  assert.deepEqual(tally.take(), {
    count: 100,
    lost: 1,
    loss_percent: 1,
    min_ms: 1,
    p50_ms: 50,
    p99_ms: 99,
    max_ms: 99,
  });
  assert.deepEqual(tally.take(), { count: 0, lost: 0, loss_percent: 0 });
  assert.equal(quantile([7], 0.99), 7);
});

test("of many probes the first count as well as the last", () => {
  const tally = createTally();
  tally.add("up", 2000);
  for (let count = 0; count < 5000; count += 1) tally.add("up", 100);
  for (let count = 0; count < 5000; count += 1) tally.add("up", 1);
  const { min_ms, p99_ms, max_ms } = tally.take();
  assert.deepEqual([min_ms, p99_ms, max_ms], [1, 100, 2000]);
});
