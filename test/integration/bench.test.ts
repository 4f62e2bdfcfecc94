// A small part of each benchmark: that its work is done and its figures are there, never how long it took.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { benchmarks } from "../../bench/list.ts";
import { type Moustash, buildMoustash } from "../../bench/moustash.ts";
import { peerPackages } from "../../bench/peers.ts";
import { toLines, toReport } from "../../bench/report.ts";
import { missingPackages } from "../../scripts/packages.ts";
import { whyNoDisk } from "../servers/panpan.ts";

const missing = await missingPackages(Object.keys(peerPackages)).catch(() => ["apt"]);
const without = missing.length > 0 && `these peers are not installed: ${missing.join(", ")}`;
const skip = without || (await whyNoDisk());

describe("bench", { skip }, () => {
  let moustash: Moustash;
  before(async () => {
    moustash = await buildMoustash();
  });
  after(() => moustash[Symbol.asyncDispose]());

  // The images have tests of their own, which need an engine.
  for (const benchmark of benchmarks.filter(({ name }) => name !== "image")) {
    test(`${benchmark.name} does its work`, async () => {
      const figures = await benchmark.run({ moustash, size: 0.01, rounds: 1, say() {} });
      for (const { of, to } of benchmark.bars)
        for (const name of to === undefined ? [of] : [of, to])
          assert.ok(figures[name]!.values.every(Number.isFinite), `${name} is a number`);
      const report = toReport(benchmark, figures, 1);
      assert.equal(report.ratios.length, benchmark.bars.length);
      assert.ok(
        toLines(report).every((line) => !/undefined|NaN/.test(line)),
        toLines(report).join("\n"),
      );
    });
  }
});
