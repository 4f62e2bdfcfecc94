// What is asked of a benchmark in a test: that its work is done and its figures are there, never how long it took.
import assert from "node:assert/strict";
import type { Benchmark } from "../../bench/benchmark.ts";
import type { Moustash } from "../../bench/moustash.ts";
import { toLines, toReport } from "../../bench/report.ts";

/** Does a small part of it, once. */
export async function mustMeasure(benchmark: Benchmark, moustash: Moustash): Promise<void> {
  const figures = await benchmark.run({ moustash, size: 0.01, rounds: 1, say() {} });
  for (const { of, to } of benchmark.bars)
    for (const name of to === undefined ? [of] : [of, to])
      assert.ok(figures[name]!.values.every(Number.isFinite), `${name} is a number`);
  const report = toReport(benchmark, figures, 1);
  assert.equal(report.ratios.length, benchmark.bars.length);
  const lines = toLines(report);
  assert.ok(
    lines.every((line) => !/undefined|NaN/.test(line)),
    lines.join("\n"),
  );
}
