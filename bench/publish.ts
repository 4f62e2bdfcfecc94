// A million contract events from a source to Redis through ship, beside redis-benchmark.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startRedis } from "../test/servers/redis.ts";
import { type Benchmark, must, part } from "./benchmark.ts";
import { inTurns } from "./measure.ts";
import { redisBenchmark } from "./peers/redis-benchmark.ts";

export const publish: Benchmark = {
  name: "publish",
  work: "1,000,000 contract events from source to Redis through ship, a disk spool in place",
  rounds: 5,
  bars: [{ of: "moustash", to: "redis-benchmark", atLeast: 0.6 }],
  async run(bench) {
    const { moustash, rounds } = bench;
    await using redis = await startRedis();
    const count = part(1_000_000, bench, 2000);
    const words = await moustash.work("publish");
    const key = "logstash:moustash";
    let bytes = 0;
    return await inTurns({
      rounds,
      units: { moustash: "events/s", "redis-benchmark": "events/s" },
      contenders: [
        async () => {
          await redis.command("DEL", key);
          const told = await publishEvents(words, {
            port: redis.port,
            spool: join(moustash.folder, "spool"),
            count,
          });
          const there = Number(await redis.command("LLEN", key));
          must(there === count, `${there} events of ${count} are in Redis`);
          bytes = String(await redis.command("LINDEX", key, -1)).length;
          return { moustash: count / (told.delivered! - told.begin!) };
        },
        async () => {
          if (bytes === 0) bytes = 400;
          const rate = await redisBenchmark(redis.port, count, bytes);
          await redis.command("DEL", "redis-benchmark");
          return { "redis-benchmark": rate };
        },
      ],
    });
  },
};

export interface PublishOptions {
  readonly port: number;
  readonly spool: string;
  readonly count: number;
  /** Events a second; as many as go without it. */
  readonly rate?: number;
  /** Told "begin", "first" (delivered), "accepted", "delivered" when that is so. */
  readonly heard?: (what: string) => void;
}

/** Seconds at which it said what, and the CPU seconds it had used at its end. */
export async function publishEvents(
  [command, ...args]: readonly [string, ...string[]],
  { port, spool, count, rate = Infinity, heard = () => {} }: PublishOptions,
): Promise<Readonly<Record<string, number>>> {
  const child = spawn(command, [...args, port, spool, count, rate].map(String), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    told += String(chunk);
    for (const line of String(chunk).trim().split("\n")) heard(line.split(" ")[0]!);
  });
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  must(code === 0, `publish ended with ${code}: ${errors}`);
  const lines = told
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const moments = Object.fromEntries(lines.map(([what, ns]) => [what!, Number(ns) / 1e9]));
  const [first, last] = [lines[0]!, lines.at(-1)!];
  return { ...moments, cpu: (Number(last[2]) - Number(first[2])) / 1e6, peak: Number(last[3]) };
}
