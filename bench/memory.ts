// Private memory of Cuir and Fouet, idle and under load, beside Node alone and blackbox_exporter.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually, freePort } from "../test/servers/server.ts";
import { type Bench, type Benchmark, part } from "./benchmark.ts";
import { manyProbes, startDaemon, withoutConfig, writeConfig } from "./daemon.ts";
import { inTurns, spreadOf } from "./measure.ts";

export const memory: Benchmark = {
  name: "memory",
  work: "Cuir and Fouet idle for a minute: private memory; then Cuir under load",
  rounds: 2,
  bars: [
    { of: "cuir beyond node", atMost: 10 },
    { of: "fouet beyond node", atMost: 10 },
    { of: "cuir later under load", to: "cuir under load", atMost: 1.1 },
  ],
  async run(bench) {
    await using redis = await startRedis();
    const { moustash, rounds } = bench;
    const idleMs = part(60_000, bench, 500);
    const target = `SSH: 127.0.0.1:${redis.port}:ssh server`;
    const config = (name: string) => writeConfig(bench, name, redis.port, [target]);
    const exporterAt = await freePort();
    const programs: Readonly<Record<string, readonly [string, ...string[]]>> = {
      cuir: moustash.command("cuir", "--config", await config("cuir")),
      fouet: moustash.command("fouet", "--config", await config("fouet")),
      node: [process.execPath, "-e", "process.stdin.resume()"],
      blackbox_exporter: [
        "prometheus-blackbox-exporter",
        `--config.file=${await exporterConfig(moustash.folder)}`,
        `--web.listen-address=127.0.0.1:${exporterAt}`,
      ],
    };
    const names = Object.keys(programs);
    const beyond = ["cuir beyond node", "fouet beyond node"];
    const loaded = ["cuir under load", "cuir later under load"];
    return await inTurns({
      rounds,
      warmUps: 0,
      units: Object.fromEntries([...names, ...beyond, ...loaded].map((name) => [name, "MB"])),
      contenders: [
        async () => {
          await using all = new AsyncDisposableStack();
          const daemons = Object.entries(programs).map(
            ([name, words]) => [name, all.use(startDaemon(words, withoutConfig(bench)))] as const,
          );
          await delay(idleMs);
          // Once a minute a daemon's disk thread is there for three seconds: what is idle is so for most of the time.
          const looks = daemons.map(([name]) => [name, [] as number[]] as const);
          for (let look = 0; look < 11; look += 1) {
            for (const [at, [, daemon]] of daemons.entries()) looks[at]![1].push(daemon.megabytes());
            await delay(idleMs / 60);
          }
          const found = Object.fromEntries(looks.map(([name, several]) => [name, spreadOf(several).median]));
          return {
            ...found,
            "cuir beyond node": found["cuir"]! - found["node"]!,
            "fouet beyond node": found["fouet"]! - found["node"]!,
          };
        },
        () => load(bench, redis),
      ],
    });
  },
};

async function load(bench: Bench, redis: RedisServer) {
  const file = await writeConfig(bench, "load", redis.port, manyProbes(redis.port));
  const key = "logstash:moustash";
  await redis.command("DEL", key);
  await using cuir = startDaemon(bench.moustash.command("cuir", "--config", file), withoutConfig(bench));
  const warmEvents = part(10_000, bench, 500);
  const reach = async (count: number) => {
    await eventually(async () => Number(await redis.command("LLEN", key)) >= count, {
      what: `${count} events`,
      withinMs: 120_000,
    });
    await redis.command("DEL", key);
    return cuir.megabytes();
  };
  const early = await reach(warmEvents);
  const late = await reach(2 * warmEvents);
  return { "cuir under load": early, "cuir later under load": late };
}

async function exporterConfig(folder: string): Promise<string> {
  const config = join(folder, "blackbox.yml");
  await writeFile(config, "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 3s\n");
  return config;
}
