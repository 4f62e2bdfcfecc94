// When a target changes too often, and when it is over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createFlap } from "../../../src/probe/flap.ts";

test("begins with the n-th change within the window, digests once per window, ends when it is calm", () => {
  const flap = createFlap({ most: 4, windowMs: 1000 });
  assert.deepEqual(
    [0, 100, 200, 300].map((atMs) => flap.changed(atMs)),
    [false, false, false, true],
  );
  assert.equal(flap.due(400), undefined);
  for (const atMs of [500, 600, 700, 1200, 1250]) assert.equal(flap.changed(atMs), false);
  assert.equal(flap.changes, 9);
  assert.equal(flap.due(1300), "digest");
  assert.equal(flap.due(1400), undefined);
  assert.equal(flap.due(2300), "over");
  assert.equal(flap.active, false);
});

test("changes that are far apart are no flapping; none: never", () => {
  const slow = createFlap({ most: 3, windowMs: 100 });
  for (let atMs = 0; atMs < 5000; atMs += 60) assert.equal(slow.changed(atMs), false);
  const never = createFlap({ most: undefined, windowMs: 1000 });
  for (let atMs = 0; atMs < 100; atMs += 1) assert.equal(never.changed(atMs), false);
});
