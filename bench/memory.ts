// Private memory of Cuir and Fouet, idle and under load, beside Node alone and blackbox_exporter.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startRedis } from "../test/servers/redis.ts";
import { eventually, freePort } from "../test/servers/server.ts";
import { type Bench, type Benchmark, must, part } from "./benchmark.ts";
import { inTurns, privateMegabytes } from "./measure.ts";

export const memory: Benchmark = {
  name: "memory",
  work: "Cuir and Fouet idle for a minute: private memory; then Cuir under load",
  rounds: 3,
  bars: [
    { of: "cuir beyond node", atMost: 10 },
    { of: "fouet beyond node", atMost: 10 },
    { of: "cuir later under load", to: "cuir under load", atMost: 1.1 },
  ],
  async run(bench) {
    await using redis = await startRedis();
    const { moustash, rounds } = bench;
    const idleMs = part(20_000, bench, 500);
    const file = join(moustash.folder, "memory.ini");
    const head = `[Moustash]\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\nspool: ${join(moustash.folder, "spool-memory")}\n[Cuir]\nhttp: none\n`;
    await writeFile(file, `${head}SSH: 127.0.0.1:${redis.port}:ssh server\n`);
    const { MOUSTASH_CONFIG: _, ...env } = moustash.env;
    const config = await exporterConfig(moustash.folder);
    const exporterAt = await freePort();
    const programs: Readonly<Record<string, readonly [string, ...string[]]>> = {
      cuir: moustash.command("cuir", "--config", file),
      fouet: moustash.command("fouet", "--config", file),
      node: [process.execPath, "-e", "process.stdin.resume()"],
      blackbox_exporter: [
        "prometheus-blackbox-exporter",
        `--config.file=${config}`,
        `--web.listen-address=127.0.0.1:${exporterAt}`,
      ],
    };
    return await inTurns({
      rounds,
      warmUps: 0,
      units: Object.fromEntries(
        [
          ...Object.keys(programs),
          "cuir beyond node",
          "fouet beyond node",
          "cuir under load",
          "cuir later under load",
        ].map((name) => [name, "MB"]),
      ),
      contenders: [
        async () => {
          const all = Object.entries(programs).map(([name, words]) => ({ name, child: start(words, env) }));
          try {
            await delay(idleMs);
            const found = Object.fromEntries(all.map(({ name, child }) => [name, memoryOf(name, child)]));
            return {
              ...found,
              "cuir beyond node": found["cuir"]! - found["node"]!,
              "fouet beyond node": found["fouet"]! - found["node"]!,
            };
          } finally {
            await Promise.all(all.map(({ child }) => end(child)));
          }
        },
        () => load(bench, redis, env, head),
      ],
    });
  },
};

/** Thousands of probes a second, all of them events. */
async function load(
  bench: Bench,
  redis: { port: number; command(...words: string[]): Promise<unknown> },
  env: Readonly<Record<string, string>>,
  head: string,
) {
  const file = join(bench.moustash.folder, "load.ini");
  const targets = Array.from({ length: 500 }, (_, index) => `T${index}: 127.0.0.1:${redis.port}:service`);
  await writeFile(file, `${head}interval: 500ms\nemit: all\n${targets.join("\n")}\n`);
  const child = start(bench.moustash.command("cuir", "--config", file), env);
  const key = "logstash:moustash";
  try {
    const warmEvents = part(10_000, bench, 500);
    await redis.command("DEL", key);
    const reach = async (count: number) => {
      await eventually(async () => Number(await redis.command("LLEN", key)) >= count, {
        what: `${count} events`,
        withinMs: 120_000,
      });
      await redis.command("DEL", key);
      return memoryOf("cuir", child);
    };
    const early = await reach(warmEvents);
    const late = await reach(2 * warmEvents);
    return { "cuir under load": early, "cuir later under load": late };
  } finally {
    await end(child);
  }
}

function start([command, ...args]: readonly [string, ...string[]], env: Readonly<Record<string, string>>) {
  return spawn(command, args, { stdio: ["pipe", "ignore", "ignore"], env });
}

function memoryOf(name: string, child: ChildProcess): number {
  must(child.exitCode === null && child.signalCode === null, `${name} still runs`);
  return privateMegabytes(child.pid!);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
}

async function exporterConfig(folder: string): Promise<string> {
  const config = join(folder, "blackbox.yml");
  await writeFile(config, "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 3s\n");
  return config;
}
