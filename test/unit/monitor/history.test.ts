import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type Verdict,
  createHistory,
  minuteMs,
  momentMs,
  minutes,
  moments,
} from "../../../src/monitor/history.ts";

const verdicts = fc.constantFrom<Verdict>("up", "down", "degraded", "unknown");

test("the hour and the day say what a plain list of the probes says", () => {
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 40 * minuteMs }), verdicts, fc.integer({ min: 1, max: 500 })),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 30 * minuteMs }), (probes, laterMs) => {
      const history = createHistory();
      let atMs = 1_800_000_000_000;
      const log = probes.map(([passMs, verdict, durationMs]) => {
        atMs += passMs;
        history.record("SSH", verdict, durationMs, atMs);
        return { atMs, verdict, durationMs };
      });
      const nowMs = atMs + laterMs;
      const within = (spanMs: number, count: number, index: number) =>
        log.filter(
          (probe) => Math.floor(probe.atMs / spanMs) === Math.floor(nowMs / spanMs) - count + 1 + index,
        );
      const isGood = ({ verdict }: { verdict: Verdict }) => verdict === "up" || verdict === "degraded";
      for (const [index, minute] of history.hour("SSH", nowMs).entries()) {
        const expected = within(minuteMs, minutes, index);
        assert.equal(minute?.probes ?? 0, expected.length);
        assert.equal(minute?.failed ?? 0, expected.filter(({ verdict }) => verdict === "down").length);
        const good = expected.filter(isGood);
        assert.equal(minute?.mostMs ?? 0, Math.max(0, ...good.map(({ durationMs }) => durationMs)));
        const sum = good.reduce((total, { durationMs }) => total + durationMs, 0);
        assert.equal(minute?.meanMs, good.length === 0 ? undefined : sum / good.length);
      }
      for (const [index, moment] of history.day("SSH", nowMs).entries()) {
        const expected = within(momentMs, moments, index);
        if (expected.length === 0) assert.equal(moment, undefined);
        else
          assert.deepEqual(moment, {
            good: expected.filter(isGood).length,
            failed: expected.filter(({ verdict }) => verdict === "down").length,
            blind: expected.filter(({ verdict }) => verdict === "unknown").length,
          });
      }
    }),
  );
});

test("a clock that is set back loses nothing and breaks nothing", () => {
  const history = createHistory();
  const atMs = 1_800_000_000_000;
  history.record("SSH", "up", 1, atMs);
  history.record("SSH", "up", 3, atMs - 10 * minuteMs);
  assert.deepEqual(history.hour("SSH", atMs).at(-1), { meanMs: 2, mostMs: 3, probes: 2, failed: 0 });
});

test("a clock that was far ahead and is put right is no reason to show nothing until that day", () => {
  const history = createHistory();
  const atMs = 1_800_000_000_000;
  history.record("SSH", "up", 1, atMs + 30 * 24 * 60 * minuteMs);
  history.record("SSH", "down", undefined, atMs);
  history.record("SSH", "up", 3, atMs + minuteMs);
  const hour = history.hour("SSH", atMs + minuteMs).slice(-2);
  assert.deepEqual(
    hour.map((minute) => [minute?.meanMs, minute?.failed]),
    [
      [undefined, 1],
      [3, 0],
    ],
  );
  assert.deepEqual(history.day("SSH", atMs + minuteMs).at(-1), { good: 1, failed: 1, blind: 0 });
});

test("what was never probed has an hour and a day of nothing", () => {
  const history = createHistory();
  assert.deepEqual(new Set(history.hour("?", 0)), new Set([undefined]));
  assert.equal(history.day("?", 0).length, moments);
});
