// A small part of the images' benchmark, the one that needs an engine.
import { test } from "node:test";
import { image } from "../../../bench/image.ts";
import { buildMoustash } from "../../../bench/moustash.ts";
import { mustMeasure } from "../../harness/benchmark.ts";
import { noEngine } from "./docker.ts";

test("image does its work", { skip: noEngine }, async () => {
  await using moustash = await buildMoustash();
  await mustMeasure(image, moustash);
});
