// Ten minutes of load: whether the memory of Cuir and Fouet grows. A command of its own: npm run bench -- soak
import { setTimeout as delay } from "node:timers/promises";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { type Bench, type Benchmark, must, part } from "./benchmark.ts";
import { type Daemon, childOf, manyProbes, startDaemon, withoutConfig, writeConfig } from "./daemon.ts";
import { inTurns, spreadOf } from "./measure.ts";
import { compile } from "./peers.ts";

const lookMs = 1000;
/** Where each tool's events go in Redis. */
const keys: Readonly<Record<string, string>> = { cuir: "logstash:moustash", fouet: "fouet" };
const tools = Object.keys(keys);
const early = (tool: string) => `${tool} after warm-up`;
const late = (tool: string) => `${tool} at the end`;

export const soak: Benchmark = {
  name: "soak",
  work: "ten minutes of load: private memory after warm-up and at the end",
  rounds: 1,
  bars: tools.map((tool) => ({ of: late(tool), to: early(tool), atMost: 1.1 })),
  async run(bench) {
    await using redis = await startRedis();
    return await inTurns({
      rounds: bench.rounds,
      warmUps: 0,
      units: Object.fromEntries(
        tools.flatMap((tool) => [early(tool), late(tool)]).map((name) => [name, "MB"]),
      ),
      contenders: [() => load(bench, redis)],
    });
  },
};

async function load(bench: Bench, redis: RedisServer): Promise<Record<string, number>> {
  const { moustash } = bench;
  const config = await writeConfig(bench, "soak", redis.port, manyProbes(redis.port));
  const port = String(redis.port);
  const listener = moustash.command("fouet", "--redis-port", port, "--redis-namespace", keys["fouet"]!);
  // As fast as Fouet answers, without an end.
  const feeder = [await compile("feeder", moustash.folder), "0", "1000000000"] as const;
  await using cuir = startDaemon(moustash.command("cuir", "--config", config), withoutConfig(bench));
  await using fouet = startDaemon([...feeder, ...listener], moustash.env, childOf);
  const watchMinutes = (minutes: number) => watch(bench, redis, { cuir, fouet }, minutes);
  await watchMinutes(1);
  const before = await watchMinutes(1);
  await watchMinutes(7);
  const after = await watchMinutes(1);
  return Object.fromEntries(
    tools.flatMap((tool) => [
      [early(tool), before[tool]!],
      [late(tool), after[tool]!],
    ]),
  );
}

/** The median of each tool's megabytes over the time; what came to Redis is taken away. */
async function watch(
  bench: Bench,
  redis: RedisServer,
  daemons: Readonly<Record<string, Daemon>>,
  minutes: number,
): Promise<Record<string, number>> {
  const seen = Object.fromEntries(tools.map((tool) => [tool, [] as number[]]));
  const events = Object.fromEntries(tools.map((tool) => [tool, 0]));
  const endMs = performance.now() + part(minutes * 60_000, bench, lookMs);
  while (performance.now() < endMs) {
    await delay(lookMs);
    for (const tool of tools) {
      events[tool]! += Number(await redis.command("LLEN", keys[tool]!));
      await redis.command("DEL", keys[tool]!);
      seen[tool]!.push(daemons[tool]!.megabytes());
    }
  }
  for (const tool of tools) must(events[tool]! > 0, `events of ${tool} arrive`);
  const medians = Object.fromEntries(tools.map((tool) => [tool, spreadOf(seen[tool]!).median]));
  const told = tools.map((tool) => `${tool} ${medians[tool]!.toFixed(1)} MB, ${events[tool]} events`);
  bench.say(`  ${minutes} min: ${told.join("; ")}`);
  return medians;
}
