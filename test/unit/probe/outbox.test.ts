// What delivery refuses is counted by program, and told when it delivers again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOutbox } from "../../../src/probe/outbox.ts";

test("refusals of delivery wait for room, then come once, by program", () => {
  let woken = 0;
  const outbox = createOutbox({ now: () => 0, mostRepeats: 10, wake: () => (woken += 1) });
  for (const program of ["SSH", "web", "SSH"]) outbox.refuse(program);
  assert.equal(outbox.size, 0);
  assert.deepEqual(outbox.take(10).refused, new Map());
  outbox.roomAgain();
  assert.equal(woken, 1);
  assert.equal(outbox.size, 1);
  assert.deepEqual(
    outbox.take(10).refused,
    new Map([
      ["SSH", 2],
      ["web", 1],
    ]),
  );
  outbox.roomAgain();
  assert.equal(woken, 1);
  assert.equal(outbox.size, 0);
});
