// Alarms ring in order and once; grids are spread, do not drift, and do not catch up.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { startProber } from "../../../src/probe/prober.ts";
import { createResolver } from "../../../src/probe/resolve.ts";
import {
  type Alarm,
  type Alarms,
  createAlarm,
  createAlarms,
  createGrid,
  hashFraction,
} from "../../../src/probe/schedule.ts";
import { parseTarget } from "../../../src/probe/target.ts";
import { freePort } from "../../servers/server.ts";

test("alarms ring in the order of their times, whatever is set again or cleared", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const alarms = createAlarms(() => nowMs);
  const step = fc.tuple(fc.nat(19), fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), (steps) => {
      const base = nowMs;
      const rung: [number, number][] = [];
      const all = Array.from({ length: 20 }, (_, index) =>
        createAlarm(() => {
          rung.push([index, all[index]!.dueMs]);
        }),
      );
      const expected = new Map<number, number>();
      for (const [index, inMs] of steps) {
        if (inMs === undefined) alarms.clear(all[index]!);
        else alarms.set(all[index]!, base + inMs);
        if (inMs === undefined) expected.delete(index);
        else expected.set(index, base + inMs);
      }
      for (let ms = 0; ms <= 100; ms += 1) {
        nowMs = base + ms;
        t.mock.timers.tick(1);
      }
      t.mock.timers.tick(1);
      assert.deepEqual(new Map(rung), expected);
      assert.deepEqual(
        rung.map(([, dueMs]) => dueMs),
        rung.map(([, dueMs]) => dueMs).toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 50 },
  );
});

test("what is due within two milliseconds rings with one wake-up", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const alarms = createAlarms(() => nowMs);
  const rung: number[] = [];
  for (const dueMs of [4.4, 5.9, 6.1])
    alarms.set(
      createAlarm(() => void rung.push(dueMs)),
      dueMs,
    );
  // As Node's timers are: early, for they count whole milliseconds.
  nowMs = 4;
  t.mock.timers.tick(4);
  assert.deepEqual(rung, [4.4, 5.9]);
  nowMs = 6;
  t.mock.timers.tick(2);
  assert.deepEqual(rung, [4.4, 5.9, 6.1]);
});

test("a probe that began a moment early and is over before its own moment is not done again", async () => {
  let nowMs = 0;
  const set: number[] = [];
  let ring: Alarm["ring"] = () => {};
  const alarms: Alarms = {
    set(alarm, dueMs) {
      ring = alarm.ring;
      set.push(dueMs);
    },
    clear() {},
    close() {},
  };
  const { promise: judged, resolve: judge } = Promise.withResolvers<number>();
  const prober = startProber({
    target: parseTarget("SSH", `127.0.0.1:${await freePort()}:ssh`),
    intervalMs: 5000,
    timeoutMs: 1000,
    recheckMs: 1000,
    addressing: "any",
    alarms,
    resolver: createResolver(),
    now: () => nowMs,
    startMs: 0,
    wallMs: 0,
    judge(_outcome, _trace, lagMs) {
      judge(lagMs);
      return false;
    },
  });
  const [dueMs] = set as [number];
  nowMs = dueMs - 1.5;
  ring(nowMs);
  assert.ok(Math.abs((await judged) + 1.5) < 1e-6, "what is told as due is the moment of the grid");
  assert.deepEqual(
    set.map((ms) => Math.ceil(ms - dueMs)),
    // Its deadline is never early.
    [0, 1001, 5000],
  );
  assert.equal(prober.missed, 0);
  prober.stop();
});

test("targets are spread evenly over the interval", () => {
  const tenths = Array<number>(10).fill(0);
  for (let host = 0; host < 5000; host += 1) {
    const { firstMs } = createGrid(`Web${host} 10.0.${host >> 8}.${host & 255}:80`, {
      startMs: 0,
      intervalMs: 5000,
    });
    tenths[Math.floor(firstMs / 500)]! += 1;
  }
  for (const count of tenths) assert.ok(count > 400 && count < 600, String(tenths));
  assert.equal(hashFraction("SSH"), hashFraction("SSH"));
});

test("a grid is exact after a million rounds, and gives the next moment only", () => {
  const grid = createGrid("SSH 10.1.2.3:22", { startMs: 1000, intervalMs: 5000 });
  assert.equal(grid.after(grid.firstMs + 5_000_000_000 - 1), grid.firstMs + 5_000_000_000);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (moment) => {
      const next = grid.after(grid.firstMs + moment);
      assert.ok(next > grid.firstMs + moment && next <= grid.firstMs + moment + 5000.001);
    }),
  );
});

test("nobody waits an hour for the first look", () => {
  const { firstMs } = createGrid("SSH", { startMs: 0, intervalMs: 3_600_000 });
  assert.ok(firstMs < 10_000);
});

test("the moment after one of the grid is a whole interval away, whatever rounding does", () => {
  const start = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.string(), start, fc.integer({ min: 1, max: 3_600_000 }), (key, startMs, intervalMs) => {
      const grid = createGrid(key, { startMs, intervalMs });
      let momentMs = grid.after(startMs);
      for (let round = 0; round < 50; round += 1) {
        const nextMs = grid.after(momentMs);
        assert.ok(
          Math.abs(nextMs - momentMs - intervalMs) < 0.01,
          `${momentMs} → ${nextMs} in ${intervalMs}`,
        );
        momentMs = nextMs;
      }
    }),
  );
});

test("several Cuirs probe a target in the same moments of the interval, whenever they started", () => {
  const start = fc.record({
    startMs: fc.integer({ min: 0, max: 1e9 }),
    wallMs: fc.integer({ min: 1.7e12, max: 1.9e12 }),
  });
  const intervalMs = fc.integer({ min: 100, max: 10_000 });
  fc.assert(
    fc.property(start, start, intervalMs, fc.string(), (one, other, interval, key) => {
      const [a, b] = [one, other].map(({ startMs, wallMs }) => {
        const { firstMs } = createGrid(key, { startMs, wallMs, intervalMs: interval });
        assert.ok(firstMs >= startMs && firstMs <= startMs + interval);
        return (wallMs + firstMs - startMs) / interval;
      });
      const apart = Math.abs((a! % 1) - (b! % 1));
      assert.ok(Math.min(apart, 1 - apart) < 0.001, String(apart));
    }),
  );
});
