// A timer that holds any time, however long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mostTimerMs, ringAfter } from "../../src/waiting.ts";

const dayMs = 86_400_000;

test("a time that no timer of Node's holds rings once, at its end", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let rung = 0;
  ringAfter(60 * dayMs, () => (rung += 1));
  t.mock.timers.tick(1000);
  assert.equal(rung, 0);
  t.mock.timers.tick(mostTimerMs - 1000);
  t.mock.timers.tick(mostTimerMs);
  t.mock.timers.tick(60 * dayMs - 2 * mostTimerMs - 1);
  assert.equal(rung, 0);
  t.mock.timers.tick(1);
  assert.equal(rung, 1);
  t.mock.timers.tick(mostTimerMs);
  assert.equal(rung, 1);
});

test("what is stopped does not ring, in whichever of its timers it was", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const never = () => assert.fail("it rang");
  ringAfter(10, never)();
  const stop = ringAfter(60 * dayMs, never);
  t.mock.timers.tick(mostTimerMs);
  stop();
  t.mock.timers.tick(60 * dayMs);
});
