// rise, fall, and what does not count.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Verdict } from "../../../src/probe/cause.ts";
import { type Progress, advance, settled, unjudged, wavers } from "../../../src/probe/transition.ts";

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
