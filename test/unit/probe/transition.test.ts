// rise, fall, and what does not count.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Verdict } from "../../../src/probe/cause.ts";
import {
  type Progress,
  type Status,
  advance,
  settled,
  unjudged,
  wavers,
} from "../../../src/probe/transition.ts";

const rules = { fall: 2, rise: 1 };
const walk = (verdicts: readonly Verdict[], given = rules, from: Progress = unjudged) =>
  verdicts.reduce<Progress[]>((all, verdict) => [...all, advance(all.at(-1) ?? from, verdict, given)], []);

test("the first up is taken at its word, the first down waits for fall", () => {
  assert.equal(walk(["up"], { fall: 2, rise: 5 })[0]!.status, "up");
  assert.deepEqual(
    walk(["down", "down"]).map(({ status }) => status),
    ["new", "down"],
  );
});

test("a single failure makes waver, not fall; a success in between starts over", () => {
  const steps = walk(["up", "down", "up", "down", "down"]);
  assert.deepEqual(
    steps.map(({ status }) => status),
    ["up", "up", "up", "up", "down"],
  );
  assert.deepEqual(steps.map(wavers), [false, true, false, true, false]);
});

test("rise is counted too", () => {
  const steps = walk(["up", "up", "down", "up", "up", "up"], { fall: 2, rise: 3 }, settled("down"));
  assert.deepEqual(
    steps.map(({ status }) => status),
    ["down", "down", "down", "down", "down", "up"],
  );
});

test("a quiet target costs no object", () => {
  const now = settled("up");
  assert.equal(advance(now, "up", rules), now);
});

test("unknown neither confirms nor interrupts, wherever it stands", () => {
  const verdict = fc.constantFrom<Verdict>("up", "down", "degraded");
  const counts = fc.record({ fall: fc.integer({ min: 1, max: 5 }), rise: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(fc.tuple(verdict, fc.nat(3)), { minLength: 1 }), counts, (steps, given) => {
      const plain = walk(
        steps.map(([one]) => one),
        given,
      );
      const mixed = walk(
        steps.flatMap(([one, blind]) => [...Array<Verdict>(blind).fill("unknown"), one]),
        given,
      );
      assert.deepEqual(mixed.at(-1), plain.at(-1));
    }),
  );
});

test("kinds of failure that alternate are at least degraded after fall, and no longer waver", () => {
  for (const from of [settled("up"), unjudged]) {
    const steps = walk(["down", "degraded", "down", "degraded"], { fall: 3, rise: 1 }, from);
    assert.deepEqual(
      steps.map(({ status }) => status),
      [from.status, from.status, "degraded", "degraded"],
    );
    assert.deepEqual(steps.map(wavers), [true, true, true, false]);
  }
});

test("downs in a row count from their first, also where the one before was degraded", () => {
  const steps = walk(["degraded", "down", "down"], rules, settled("up"));
  assert.deepEqual(
    steps.map(({ status }) => status),
    ["up", "degraded", "down"],
  );
});

test("from down, kinds of answer that alternate are degraded after rise, and ups in a row up", () => {
  const steps = walk(["degraded", "up", "up", "up"], { fall: 2, rise: 3 }, settled("down"));
  assert.deepEqual(
    steps.map(({ status }) => status),
    ["down", "down", "degraded", "up"],
  );
  assert.deepEqual(steps.map(wavers), [false, false, false, false]);
});

/** The rules as they are said: of all the outcomes that there were, the last so many. */
function judged(from: Status, verdicts: readonly Verdict[], { fall, rise }: typeof rules): Status {
  let status = from;
  for (const index of verdicts.keys()) {
    const last = (count: number, holds: (one: Verdict) => boolean) =>
      index + 1 >= count && verdicts.slice(index + 1 - count, index + 1).every(holds);
    if (last(fall, (one) => one === "down")) status = "down";
    else if (last(status === "new" ? 1 : rise, (one) => one === "up")) status = "up";
    else if (status === "down" && last(rise, (one) => one !== "down")) status = "degraded";
    else if (status !== "down" && last(fall, (one) => one !== "up")) status = "degraded";
  }
  return status;
}

test("a state is what the last outcomes make it, whatever came before", () => {
  const counts = fc.record({ fall: fc.integer({ min: 1, max: 5 }), rise: fc.integer({ min: 1, max: 5 }) });
  const verdict = fc.constantFrom<Verdict>("up", "down", "degraded");
  const start = fc.constantFrom<Status>("new", "up", "degraded", "down");
  fc.assert(
    fc.property(start, fc.array(verdict), counts, (from, verdicts, given) => {
      for (const [index, { status }] of walk(verdicts, given, settled(from)).entries())
        assert.equal(status, judged(from, verdicts.slice(0, index + 1), given));
    }),
    { numRuns: 1000 },
  );
});

test("a state changes only after enough outcomes in a row", () => {
  const counts = fc.record({ fall: fc.integer({ min: 1, max: 5 }), rise: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Verdict>("up", "down")), counts, (verdicts, given) => {
      const steps = walk(verdicts, given, settled("up"));
      for (const [index, { status }] of steps.entries()) {
        const before = steps[index - 1]?.status ?? "up";
        if (status === before) continue;
        const needed = status === "down" ? given.fall : given.rise;
        assert.ok(verdicts.slice(index + 1 - needed, index + 1).every((one) => one === status));
        assert.ok(index + 1 >= needed);
      }
    }),
  );
});
