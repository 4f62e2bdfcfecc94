// One run of a program, timed by a small C program, which adds nothing of our own start to it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { compile } from "./peers.ts";
import { must } from "./benchmark.ts";

export interface Timed {
  readonly seconds: number;
  /** Kernel time and children included. */
  readonly cpuSeconds: number;
  /** The monotonic moment of its end. */
  readonly endedNs: bigint;
}

export interface TimedOptions {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor for its standard input. */
  readonly input?: number;
}

/** Runs it to its end, which must be a good one; its output is thrown away, its errors are part of the failure. */
export async function time(
  words: readonly [string, ...string[]],
  { folder, env, input }: TimedOptions,
): Promise<Timed> {
  const child = spawn(await compile("stopwatch", folder), words, {
    stdio: [input ?? "ignore", "ignore", "pipe", "pipe"],
    ...(env && { env }),
  });
  let told = "";
  let errors = "";
  child.stdio[3]!.on("data", (chunk) => (told += String(chunk)));
  child.stderr!.on("data", (chunk) => (errors += String(chunk)));
  await once(child, "close");
  const [wall, cpu, ended, code] = told.trim().split(" ");
  must(code === "0", `${words.join(" ")} ended with ${code}: ${errors}`);
  return { seconds: Number(wall) / 1e9, cpuSeconds: Number(cpu) / 1e9, endedNs: BigInt(ended!) };
}
