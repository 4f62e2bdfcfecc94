// 5,000 targets every 5 seconds: how late probes begin, beside a bare loop of as many timers; what it costs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually, freePort, startChild } from "../test/servers/server.ts";
import { type Bench, type Benchmark, must, part } from "./benchmark.ts";
import { cpuSeconds, inTurns, privateMegabytes } from "./measure.ts";
import { compile, peer } from "./peers.ts";

const intervalMs = 5000;

export const schedule: Benchmark = {
  name: "schedule",
  work: "5,000 targets every 5 s, a minute in three parts",
  rounds: 3,
  bars: [
    { of: "cuir's lag p99", to: "timers' lag p99", atMost: 2 },
    { of: "cuir's missed rounds", atMost: 0 },
    { of: "cuir's CPU", atMost: 25 },
    { of: "cuir's later memory", to: "cuir's memory", atMost: 1.1 },
  ],
  async run(bench) {
    await using redis = await startRedis();
    const port = await freePort();
    const acceptor = startChild(await compile("acceptor", bench.moustash.folder), [String(port)]);
    await eventually(() => acceptor.output().includes("ready"), { what: "the acceptor" });
    const targets = part(5000, bench, 50);
    const forMs = bench.size < 1 ? intervalMs : 4 * intervalMs;
    try {
      return await inTurns({
        rounds: bench.rounds,
        warmUps: 0,
        units: {
          "cuir's lag p99": "ms",
          "timers' lag p99": "ms",
          "cuir's missed rounds": "rounds",
          "cuir's CPU": "% of a core",
          "cuir's memory": "MB",
          "cuir's later memory": "MB",
        },
        contenders: [
          () => probe(bench, { redis, port, targets, forMs }),
          async () => ({ "timers' lag p99": await loop(targets, forMs) }),
        ],
      });
    } finally {
      await acceptor.end();
    }
  },
};

interface Alive {
  readonly probes: number;
  readonly missed: number;
  readonly lag_p99_ms: number;
}

/** What Cuir itself says, in the sign of life that it sends. */
async function probe(
  { moustash }: Bench,
  { redis, port, targets, forMs }: { redis: RedisServer; port: number; targets: number; forMs: number },
) {
  const key = "logstash:moustash";
  await redis.command("DEL", key);
  const file = join(moustash.folder, "schedule.ini");
  const lines = Array.from({ length: targets }, (_, index) => `T${index}: 127.0.0.1:${port}:service`);
  await writeFile(
    file,
    `[Moustash]\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\nspool: ${join(moustash.folder, "spool-schedule")}\n` +
      `[Cuir]\nhttp: none\ninterval: ${intervalMs}ms\nheartbeat: ${forMs / 2}ms\n${lines.join("\n")}\n`,
  );
  const { MOUSTASH_CONFIG: _, ...env } = moustash.env;
  const [command, ...args] = moustash.command("cuir", "--config", file);
  const cuir = startChild(command, args, { env });
  const pid = cuir.process.pid!;
  const sign = (number: number) =>
    eventually(
      async () => {
        must(!cuir.hasEnded(), `cuir ended: ${cuir.output()}`);
        const signs = (await redis.list(key))
          .map((body) => JSON.parse(body) as { tags: string[]; cuir: Alive })
          .filter(({ tags }) => tags.includes("alive"));
        const found = signs[number];
        return (
          found && { ...found.cuir, cpu: cpuSeconds(pid), atMs: performance.now(), mb: privateMegabytes(pid) }
        );
      },
      { what: "a sign of life", withinMs: forMs * 2 + 30_000 },
    );
  try {
    const first = await sign(0);
    const second = await sign(1);
    must(second.probes > first.probes && second.probes >= targets / 2, "targets were probed");
    return {
      "cuir's lag p99": second.lag_p99_ms,
      "cuir's missed rounds": second.missed,
      "cuir's CPU": ((second.cpu - first.cpu) / ((second.atMs - first.atMs) / 1000)) * 100,
      "cuir's memory": first.mb,
      "cuir's later memory": second.mb,
    };
  } finally {
    await cuir.end("SIGTERM");
  }
}

async function loop(count: number, forMs: number): Promise<number> {
  const words = [peer("timers.ts"), count, intervalMs, forMs].map(String);
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  child.stdout.on("data", (chunk) => (told += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  must(code === 0 && told !== "", `the bare loop ended with ${code}`);
  return Number(told);
}
