// What differs from when a target was last up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, faceOf } from "../../../src/probe/evidence.ts";
import { up } from "../../../src/probe/outcome.ts";

const trace = { step: "done", startMs: 0, address: "10.0.0.1" } as const;

test("a face is what identifies a target, not what differs each time", () => {
  const evidence = { banner: "SSH-2.0-x", certificate_days: 59, http_status: 200, answers: ["a", "b"] };
  assert.deepEqual(faceOf({ ...up, evidence }, trace), {
    address: "10.0.0.1",
    banner: "SSH-2.0-x",
    answers: "a, b",
  });
  assert.equal(faceOf(up, { step: "done", startMs: 0 }), undefined);
});

test("what both have and differs is told, before and now", () => {
  const before = { address: "10.0.0.1", certificate_sha256: "aa", banner: "x" };
  assert.deepEqual(compare(before, { address: "10.0.0.2", certificate_sha256: "aa" }), {
    address: { before: "10.0.0.1", now: "10.0.0.2" },
  });
  assert.equal(compare(before, { address: "10.0.0.1" }), undefined);
  assert.equal(compare(undefined, before), undefined);
});
