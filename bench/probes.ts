// 20,000 tcp probes through Cuir's real loop, an event for each in Redis; CPU time beside blackbox_exporter and a bare
// loop of net.connect.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually, freePort, startChild } from "../test/servers/server.ts";
import { type Bench, type Benchmark, must, part } from "./benchmark.ts";
import { cpuSeconds, inTurns } from "./measure.ts";
import { compile, peer } from "./peers.ts";

const key = "logstash:moustash";

export const probes: Benchmark = {
  name: "probes",
  work: "20,000 tcp probes on loopback, an event for each in Redis",
  rounds: 5,
  bars: [
    { of: "cuir", to: "blackbox_exporter", atMost: 1 / 3.5 },
    { of: "cuir", to: "net.connect", atMost: 1.4 },
  ],
  async run(bench) {
    const count = part(20_000, bench, 400);
    const folder = bench.moustash.folder;
    await using redis = await startRedis();
    const port = await freePort();
    const acceptor = startChild(await compile("acceptor", folder), [String(port)]);
    await eventually(() => acceptor.output().includes("ready"), { what: "the acceptor" });
    const exporter = await startExporter(folder);
    try {
      return await inTurns({
        rounds: bench.rounds,
        warmUps: bench.size < 1 ? 0 : 1,
        units: { cuir: "s CPU", blackbox_exporter: "s CPU", "net.connect": "s CPU" },
        contenders: [
          async () => ({ cuir: await probeByCuir(bench, { redis, port, count }) }),
          async () => ({ blackbox_exporter: await probeByExporter(exporter, { port, count }) }),
          async () => ({ "net.connect": await probeByLoop({ port, count }) }),
        ],
      });
    } finally {
      await exporter.child.end();
      await acceptor.end();
    }
  },
};

const targets = 1000;
/** So short that probing never rests, as the bare loop does not. */
const intervalMs = 100;

/** Cuir as it runs for ever: CPU time from one moment of its life to another. */
async function probeByCuir(
  { moustash, size }: Bench,
  { redis, port, count }: { redis: RedisServer; port: number; count: number },
): Promise<number> {
  await redis.command("DEL", key);
  const file = join(moustash.folder, "probes.ini");
  const many = size < 1 ? 100 : targets;
  const lines = Array.from(
    { length: many },
    (_, index) => `T${index}: 127.0.0.1:${port}:service number ${index}`,
  );
  await writeFile(
    file,
    `[Moustash]\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\nspool: ${join(moustash.folder, "spool-probes")}\n` +
      `[Cuir]\ninterval: ${intervalMs}ms\nemit: all\nhttp: none\n${lines.join("\n")}\n`,
  );
  const { MOUSTASH_CONFIG: _, ...env } = moustash.env;
  const [command, ...args] = moustash.command("cuir", "--config", file);
  const cuir = startChild(command, args, { env });
  const length = async () => Number(await redis.command("LLEN", key));
  const reached = (most: number) => async () => {
    must(!cuir.hasEnded(), `cuir ended: ${cuir.output()}`);
    const there = await length();
    return there >= most ? { there, cpu: cpuSeconds(cuir.process.pid!) } : undefined;
  };
  try {
    const warm = await eventually(reached(2 * many), { what: "the first events" });
    const done = await eventually(reached(warm.there + count), { what: "the events", withinMs: 120_000 });
    return ((done.cpu - warm.cpu) / (done.there - warm.there)) * count;
  } finally {
    await cuir.end("SIGTERM");
  }
}

type Exporter = Awaited<ReturnType<typeof startExporter>>;

async function startExporter(folder: string) {
  const at = await freePort();
  const config = join(folder, "blackbox.yml");
  await writeFile(config, "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 3s\n");
  const child = startChild("prometheus-blackbox-exporter", [
    `--config.file=${config}`,
    `--web.listen-address=127.0.0.1:${at}`,
  ]);
  await eventually(() => child.output().includes("Listening on") || child.output().includes("address"), {
    what: "blackbox_exporter",
  });
  return { child, at };
}

async function probeByExporter(
  { child, at }: Exporter,
  { port, count }: { port: number; count: number },
): Promise<number> {
  const pid = child.process.pid!;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const path = `/probe?module=tcp_connect&target=127.0.0.1:${port}`;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      get({ host: "127.0.0.1", port: at, path, agent }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => {
          if (text.includes("probe_success 1")) resolve();
          else reject(new Error(`a probe failed: ${text.slice(0, 500)}`));
        });
      }).on("error", reject);
    });
  const many = async (times: number) => {
    let left = times;
    const worker = async () => {
      while (left > 0) {
        left -= 1;
        await ask();
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  };
  try {
    await many(Math.ceil(count / 10));
    const before = cpuSeconds(pid);
    await many(count);
    return cpuSeconds(pid) - before;
  } finally {
    agent.destroy();
  }
}

async function probeByLoop({ port, count }: { port: number; count: number }): Promise<number> {
  const child = spawn(process.execPath, [peer("connect.ts"), String(port), String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  child.stdout.on("data", (chunk) => (told += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  must(code === 0 && Number(told) > 0, `the bare loop ended with ${code}`);
  return Number(told);
}
