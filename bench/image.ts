// The size of the images: one, all three on one host, and what is downloaded; beside images that hold Node alone.
import { spawn } from "node:child_process";
import { baseImage, registryAnswers } from "../scripts/base-images.ts";
import { output, succeeds } from "../scripts/command.ts";
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
  async run({ size }) {
    await ensureEngine();
    await buildImages();
    const sizes = await Promise.all(tools.map((tool) => layersOf(`moustash/${tool}:latest`)));
    const layers = new Map(sizes.flat().map(({ id, bytes }) => [id, bytes]));
    const all = [...layers.values()].reduce((sum, bytes) => sum + bytes, 0);
    const packed = await compressed("moustash/panpan:latest", size < 1 ? 1 : 9);
    const figures = { one: Math.max(...sizes.map(total)), "all three": all, compressed: packed };
    return Object.fromEntries(
      Object.entries({ ...figures, ...(await peers()) }).map(([name, bytes]): [string, Figure] => [
        name,
        { unit: "MB", values: [bytes / megabyte] },
      ]),
    );
  },
};

/** The newest of Google's Node images; the figure is left out where it cannot be had. */
const distroless = "gcr.io/distroless/nodejs24-debian13";

/** Without a registry Node's image is a stand-in, and is called so. */
async function peers(): Promise<Record<string, number>> {
  const isPublic = await registryAnswers();
  const node = {
    [isPublic ? "node slim" : "node slim (stand-in)"]: total(await layersOf(await baseImage("node"))),
  };
  const pull = ["pull", "--quiet", distroless];
  if (!isPublic || !(await succeeds("docker", pull, { timeoutMs: 120_000 }))) return node;
  return { ...node, "distroless Node": total(await layersOf(distroless)) };
}

const total = (layers: readonly { bytes: number }[]) => layers.reduce((sum, { bytes }) => sum + bytes, 0);

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

async function compressed(name: string, level: number): Promise<number> {
  const child = spawn("sh", ["-c", `docker save "${name}" | gzip -${level} | wc -c`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  for await (const chunk of child.stdout) told += String(chunk);
  must(Number(told) > 0, `${name} could not be saved`);
  return Number(told);
}
