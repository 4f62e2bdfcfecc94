// The benchmarks, in the order in which they run; and those that take so long that they run by name alone.
import type { Benchmark } from "./benchmark.ts";
import { growth } from "./growth.ts";
import { image } from "./image.ts";
import { lines } from "./lines.ts";
import { listener } from "./listener.ts";
import { memory } from "./memory.ts";
import { oneshot } from "./oneshot.ts";
import { probes } from "./probes.ts";
import { publish } from "./publish.ts";
import { schedule } from "./schedule.ts";
import { soak } from "./soak.ts";
import { spool } from "./spool.ts";
import { wrap } from "./wrap.ts";

export const benchmarks: readonly Benchmark[] = [
  probes,
  schedule,
  publish,
  spool,
  lines,
  oneshot,
  wrap,
  listener,
  memory,
  image,
  growth,
];

export const byNameAlone: readonly Benchmark[] = [soak];
