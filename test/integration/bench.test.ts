// A small part of each benchmark: that its work is done and its figures are there, never how long it took.
import { after, before, describe, test } from "node:test";
import { benchmarks, byNameAlone } from "../../bench/list.ts";
import { type Moustash, buildMoustash } from "../../bench/moustash.ts";
import { peerPackages } from "../../bench/peers.ts";
import { missingPackages } from "../../scripts/packages.ts";
import { mustMeasure } from "../harness/benchmark.ts";
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

  // The images' own is in engine/, beside what needs one.
  for (const benchmark of [...benchmarks, ...byNameAlone].filter(({ name }) => name !== "image")) {
    test(`${benchmark.name} does its work`, () => mustMeasure(benchmark, moustash));
  }
});
