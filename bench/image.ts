// The size of the images: one, all three on one host, and what is downloaded; beside Node's own image.
import { spawn } from "node:child_process";
import { baseImage } from "../scripts/base-images.ts";
import { output } from "../scripts/command.ts";
import { ensureEngine } from "../scripts/engine.ts";
import { buildImages, tools } from "../scripts/images.ts";
import { type Benchmark, must } from "./benchmark.ts";
import type { Figure } from "./measure.ts";

const megabyte = 1e6;

export const image: Benchmark = {
  name: "image",
  work: "the images: one, all three on one host, one compressed with gzip -9",
  rounds: 1,
  bars: [
    { of: "one", atMost: 140 },
    { of: "all three", atMost: 145 },
    { of: "compressed", atMost: 50 },
  ],
  async run() {
    await ensureEngine();
    await buildImages();
    const sizes = await Promise.all(tools.map((tool) => layersOf(`moustash/${tool}:latest`)));
    const layers = new Map(sizes.flat().map(({ id, bytes }) => [id, bytes]));
    const node = (await layersOf(await baseImage("node"))).reduce((sum, { bytes }) => sum + bytes, 0);
    const one = Math.max(...sizes.map((list) => list.reduce((sum, { bytes }) => sum + bytes, 0)));
    const all = [...layers.values()].reduce((sum, bytes) => sum + bytes, 0);
    const megabytes = (bytes: number): Figure => ({ unit: "MB", values: [bytes / megabyte] });
    return {
      one: megabytes(one),
      "all three": megabytes(all),
      compressed: megabytes(await compressed("moustash/panpan:latest")),
      "Node's own image": megabytes(node),
    };
  },
};

/** Layers by what they hold: images share those that are the same. */
async function layersOf(name: string): Promise<{ id: string; bytes: number }[]> {
  const ids = JSON.parse(
    await output("docker", ["image", "inspect", "--format", "{{json .RootFS.Layers}}", name]),
  ) as string[];
  const history = (
    await output("docker", ["history", "--human=false", "--no-trunc", "--format", "{{.Size}}", name])
  )
    .split("\n")
    .map(Number)
    .filter((bytes) => bytes > 0)
    .toReversed();
  must(ids.length >= history.length, `${name} has layers`);
  return history.map((bytes, index) => ({ id: ids[index]!, bytes }));
}

async function compressed(name: string): Promise<number> {
  const child = spawn("sh", ["-c", `docker save "${name}" | gzip -9 | wc -c`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  for await (const chunk of child.stdout) told += String(chunk);
  must(Number(told) > 0, `${name} could not be saved`);
  return Number(told);
}
