// How cost grows with work: targets, events a second, a spool, supervised processes. Linear is an exponent of 1.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually, freePort, startChild } from "../test/servers/server.ts";
import { startSupervisord } from "../test/servers/supervisord.ts";
import { type Bench, type Benchmark, must } from "./benchmark.ts";
import { type Figure, cpuSeconds, privateMegabytes } from "./measure.ts";
import { compile } from "./peers.ts";
import { publishEvents } from "./publish.ts";

export interface Point {
  readonly work: number;
  readonly cost: number;
}

export interface Curve {
  /** `targets: CPU`. */
  readonly name: string;
  readonly unit: string;
  readonly points: readonly Point[];
  readonly exponent: number;
}

/** What the last run found, to be drawn. */
export const curves: Curve[] = [];

const units = {
  "targets: CPU": "s in 10 s",
  "targets: memory": "MB",
  "events a second: CPU": "s in 4 s",
  "events in the spool: time in": "s",
  "events in the spool: time out": "s",
  "events in the spool: memory": "MB",
  "processes: CPU": "s",
  "processes: memory": "MB",
} as const;
type Name = keyof typeof units;
const names = Object.keys(units) as Name[];

type Add = (name: Name, work: number, cost: number) => void;

export const growth: Benchmark = {
  name: "growth",
  work: "cost against work: targets, events a second, bytes in the spool, processes",
  rounds: 1,
  // What a measurement varies by is left to it; a square would show as 2.
  bars: names.map((of) => ({ of, atMost: 1.15 })),
  async run(bench) {
    const points = new Map<Name, Point[]>(names.map((name) => [name, []]));
    const add: Add = (name, work, cost) => points.get(name)!.push({ work, cost });
    await ofTargets(bench, add);
    await ofRates(bench, add);
    await ofSpool(bench, add);
    await ofProcesses(bench, add);
    const found = [...points].map(([name, list]) => ({
      name,
      unit: units[name],
      points: list,
      exponent: exponent(list),
    }));
    curves.splice(0, Infinity, ...found);
    return Object.fromEntries(found.flatMap(figuresOf));
  },
};

/** Each point, and the exponent that is judged. */
function figuresOf({ name, unit, points, exponent }: Curve): [string, Figure][] {
  return [
    ...points.map(({ work, cost }): [string, Figure] => [
      `${name} at ${Math.round(work).toLocaleString("en")}`,
      { unit, values: [cost] },
    ]),
    [name, { unit: "exponent", values: [exponent] }],
  ];
}

/** The slope of the curve over its upper half, in logarithms: below that, what is constant hides it. */
function exponent(points: readonly Point[]): number {
  const [from, to] = [points[Math.floor((points.length - 1) / 2)]!, points.at(-1)!];
  if (from === to) return 0;
  return Math.log(to.cost / from.cost) / Math.log(to.work / from.work);
}

const steps = (whole: readonly number[], { size }: Bench) => (size < 1 ? whole.slice(0, 2) : whole);

async function ofTargets(bench: Bench, add: Add): Promise<void> {
  const { moustash } = bench;
  await using redis = await startRedis();
  const port = await freePort();
  const acceptor = startChild(await compile("acceptor", moustash.folder), [String(port)]);
  await eventually(() => acceptor.output().includes("ready"), { what: "the acceptor" });
  const { MOUSTASH_CONFIG: _, ...env } = moustash.env;
  const forMs = bench.size < 1 ? 1000 : 10_000;
  try {
    for (const targets of steps([100, 1000, 5000, 20_000], bench)) {
      const file = join(moustash.folder, "targets.ini");
      const lines = Array.from({ length: targets }, (_, index) => `T${index}: 127.0.0.1:${port}:service`);
      const spool = join(moustash.folder, "spool-targets");
      await writeFile(
        file,
        `[Moustash]\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\nspool: ${spool}\n[Cuir]\nhttp: none\ninterval: 5s\n${lines.join("\n")}\n`,
      );
      const [command, ...args] = moustash.command("cuir", "--config", file);
      const cuir = startChild(command, args, { env });
      try {
        await eventually(() => cuir.output().includes('"probing"'), { what: "cuir" });
        // A first round: what is made for each target is there.
        await delay(forMs / 2);
        const [pid, before] = [cuir.process.pid!, cpuSeconds(cuir.process.pid!)];
        await delay(forMs);
        must(!cuir.hasEnded(), `cuir runs on: ${cuir.output()}`);
        add("targets: CPU", targets, Math.max(0.01, cpuSeconds(pid) - before));
        add("targets: memory", targets, privateMegabytes(pid));
      } finally {
        await cuir.end("SIGTERM");
        await rm(spool, { recursive: true, force: true });
      }
    }
  } finally {
    await acceptor.end();
  }
}

async function ofRates(bench: Bench, add: Add): Promise<void> {
  await using redis = await startRedis();
  const words = await bench.moustash.work("publish");
  const seconds = bench.size < 1 ? 0.2 : 4;
  // The last: as many as go.
  for (const rate of steps([1, 10, 100, 1000, 10_000, Infinity], bench)) {
    const count = Math.max(2, Math.round(Math.min(rate, 100_000) * seconds));
    const spool = join(bench.moustash.folder, "spool-rates");
    const told = await publishEvents(words, { port: redis.port, spool, count, rate });
    if (rate < Infinity) add("events a second: CPU", rate, told["cpu"]!);
    else {
      const took = told["delivered"]! - told["begin"]!;
      add("events a second: CPU", count / took, told["cpu"]! * (seconds / took));
    }
    await mustHold(redis, count);
  }
}

/** An event takes about 600 bytes there. */
async function ofSpool(bench: Bench, add: Add): Promise<void> {
  const words = await bench.moustash.work("publish");
  for (const count of steps([2, 2000, 50_000, 500_000, 1_700_000], bench)) {
    const spool = join(bench.moustash.folder, "spool-grown");
    const port = await freePort();
    let server: Promise<RedisServer> | undefined;
    const told = await publishEvents(words, {
      port,
      spool,
      count,
      heard(what) {
        if (what === "accepted") server = startRedis({ port });
      },
    });
    await using redis = await server!;
    await mustHold(redis, count);
    add("events in the spool: time in", count, told["accepted"]! - told["begin"]!);
    // From the first that came out: how long we waited before we looked for the broker again is no cost of the work.
    add("events in the spool: time out", count, Math.max(0.001, told["delivered"]! - told["first"]!));
    add("events in the spool: memory", count, told["peak"]!);
    await rm(spool, { recursive: true, force: true });
  }
}

async function mustHold(redis: RedisServer, count: number): Promise<void> {
  const there = Number(await redis.command("LLEN", "logstash:moustash"));
  must(there === count, `${there} events of ${count} are in Redis`);
  await redis.command("DEL", "logstash:moustash");
}

/** Each process starts and, at the end, stops: four events. */
async function ofProcesses(bench: Bench, add: Add): Promise<void> {
  const { moustash } = bench;
  for (const processes of steps([10, 30, 100, 300], bench)) {
    await using redis = await startRedis();
    const words = moustash.command("fouet", "--redis-port", String(redis.port));
    const env = Object.entries(moustash.env).map(([name, value]) => `${name}="${value}"`);
    await using supervisord = await startSupervisord({
      settings: "minfds = 4096",
      sections: `[eventlistener:fouet]
command = ${words.join(" ")}
environment = ${env.join(",")}
events = PROCESS_STATE
buffer_size = 10000
priority = -1000
startsecs = 0
stderr_logfile = ${join(moustash.folder, "fouet.log")}
[program:worker]
command = sleep 1000
process_name = %(program_name)s-%(process_num)d
numprocs = ${processes}
startsecs = 0
`,
    });
    const length = async () => Number(await redis.command("LLEN", "logstash:moustash"));
    await eventually(async () => (await length()) >= 2 * processes, {
      what: `${2 * processes} events`,
      withinMs: 120_000,
    });
    const pid = await supervisord.processId("fouet");
    await supervisord.call("stopProcessGroup", "worker", false);
    await eventually(async () => (await length()) >= 4 * processes, {
      what: `${4 * processes} events`,
      withinMs: 120_000,
    });
    add("processes: CPU", processes, cpuSeconds(pid));
    add("processes: memory", processes, privateMegabytes(pid));
  }
}
