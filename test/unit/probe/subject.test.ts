// What those who look see of one target, and what is counted for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Belief } from "../../../src/probe/isolation.ts";
import { type Outcome, fail, up } from "../../../src/probe/outcome.ts";
import { rulesOf } from "../../../src/probe/settings.ts";
import { snapshotOf } from "../../../src/probe/snapshot.ts";
import { createSubject } from "../../../src/probe/subject.ts";
import { parseTarget } from "../../../src/probe/target.ts";
import { defaults } from "./harness.ts";

/** A target of which every silence is met with the same belief. */
function watched(belief: Belief) {
  let nowMs = 1_800_000_000_000;
  const target = parseTarget("SSH", "10.1.2.3:22:x");
  const subject = createSubject(target, rulesOf(defaults(), {}), {
    host: "test-1",
    inContainer: false,
    now: () => nowMs,
    monotonic: () => nowMs,
    say() {},
    keep() {},
    silenceOf: () => undefined,
    subjectOf: () => undefined,
    isolation: () => ({ active: belief === "isolated", proof() {}, silence: () => belief }),
    troubles: { count: 0, begin() {}, end() {} },
    transition() {},
  });
  const probe = (outcome: Outcome) => {
    nowMs += 1000;
    subject.judge(outcome, { step: "done", startMs: nowMs, totalMs: 1 }, 0);
  };
  return { subject, probe };
}

test("silence while the prober is cut off is no failure of the target, and the prober's is the cause", () => {
  const { subject, probe } = watched("isolated");
  probe(up);
  for (let count = 0; count < 3; count += 1) probe(fail("timeout"));
  assert.deepEqual(
    [subject.progress.status, subject.verdict, subject.cause, subject.detail],
    ["up", "unknown", "isolated", "timeout"],
  );
  assert.deepEqual([subject.probes, subject.failures], [4, 0]);
});

test("those who look see since when a target cannot be judged, and afterwards since when it is up", () => {
  const { subject, probe } = watched("believable");
  const look = () => {
    const { known, sinceMs } = snapshotOf(subject, undefined);
    return { known, sinceMs };
  };
  const firstMs = 1_800_000_001_000;
  probe(up);
  assert.deepEqual(look(), { known: true, sinceMs: firstMs });
  for (let count = 0; count < 3; count += 1) probe(fail("no_route"));
  assert.deepEqual(look(), { known: false, sinceMs: firstMs + 1000 });
  probe(up);
  assert.deepEqual(look(), { known: true, sinceMs: firstMs });
  probe(fail("resolver_away"));
  assert.deepEqual(look(), { known: false, sinceMs: firstMs + 5000 });
});

test("silence that others' answers prove is a failure of the target", () => {
  const { subject, probe } = watched("believable");
  probe(up);
  probe(fail("timeout"));
  assert.deepEqual([subject.verdict, subject.cause, subject.failures], ["down", "timeout", 1]);
});
