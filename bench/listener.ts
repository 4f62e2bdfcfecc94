// Notifications through Fouet, each answered when its event is in Redis: from a stand-in that is as fast as the
// answers, and from a real supervisord; beside a listener in C with hiredis, one in Python with redis-py, and the least
// that one in Node can be.
import { join } from "node:path";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually } from "../test/servers/server.ts";
import { startSupervisord } from "../test/servers/supervisord.ts";
import { output } from "../scripts/command.ts";
import { type Bench, type Benchmark, part } from "./benchmark.ts";
import { inTurns } from "./measure.ts";
import { compile, peer, python } from "./peers.ts";

type Words = readonly [string, ...string[]];

export const listener: Benchmark = {
  name: "listener",
  work: "20,000 notifications, each answered when its event is in Redis",
  rounds: 3,
  bars: [
    { of: "fouet", to: "c", atLeast: 0.8 },
    { of: "fouet", to: "python", atLeast: 1.5 },
    { of: "fouet by supervisord", to: "c by supervisord", atLeast: 0.9 },
  ],
  async run(bench) {
    const { moustash, rounds } = bench;
    await using redis = await startRedis();
    const port = String(redis.port);
    const count = part(20_000, bench, 200);
    // Fewer would be there between two looks.
    const supervised = Math.max(count, 2000);
    const contenders: Readonly<Record<string, Words>> = {
      fouet: moustash.command("fouet", "--redis-port", port, "--redis-namespace", "fouet"),
      c: [await compile("listener", moustash.folder), port, "c"],
      python: [python, peer("listener.py"), port, "python"],
      bare: [process.execPath, peer("listener.ts"), port, "bare"],
    };
    const names = Object.keys(contenders);
    const real = ["fouet", "c", "bare"];
    return await inTurns({
      rounds,
      warmUps: 0,
      units: Object.fromEntries([...names, ...real.map(bySupervisord)].map((name) => [name, "events/s"])),
      contenders: [
        ...names.map((name) => async () => ({
          [name]: await feed(bench, redis, name, contenders[name]!, count),
        })),
        ...real.map((name) => async () => ({
          [bySupervisord(name)]: await supervise(bench, redis, name, contenders[name]!, supervised),
        })),
      ],
    });
  },
};

const bySupervisord = (name: string) => `${name} by supervisord`;

async function feed({ moustash }: Bench, redis: RedisServer, key: string, words: Words, count: number) {
  await redis.command("DEL", key);
  const warm = Math.ceil(count / 10);
  const feeder = await compile("feeder", moustash.folder);
  // As supervisord says it to its children.
  const env = { ...moustash.env, SUPERVISOR_GROUP_NAME: "fouet", SUPERVISOR_PROCESS_NAME: "fouet" };
  const took = await output(feeder, [String(warm), String(count), ...words], { env });
  // What a busy machine made Fouet spool is on its way.
  const arrived = async () => Number(await redis.command("LLEN", key)) >= warm + count;
  await eventually(arrived, { what: `${warm + count} events in Redis at ${key}` });
  return count / (Number(took) / 1e9);
}

/** A plugin inside supervisord raises the events; each must come to Redis. */
async function supervise({ moustash }: Bench, redis: RedisServer, key: string, words: Words, count: number) {
  await redis.command("DEL", key);
  const env = Object.entries(moustash.env).map(([name, value]) => `${name}="${value}"`);
  await using _supervisord = await startSupervisord({
    sections: `[rpcinterface:flood]
supervisor.rpcinterface_factory = flood:make
count = ${count}
[eventlistener:fouet]
command = ${words.join(" ")}
environment = ${env.join(",")}
events = PROCESS_STATE,REMOTE_COMMUNICATION
buffer_size = ${count + 1000}
priority = -1000
stderr_logfile = ${join(moustash.folder, "listener.log")}
`,
    environment: { PYTHONPATH: [join(import.meta.dirname, "../test/servers"), peer("")].join(":") },
  });
  const length = async () => Number(await redis.command("LLEN", key));
  const first = await eventually(
    async () => {
      const there = await length();
      return there > count * 0.1 ? { there, atMs: performance.now() } : undefined;
    },
    { what: "the first events" },
  );
  const last = await eventually(
    async () => {
      const there = await length();
      return there >= count ? { there, atMs: performance.now() } : undefined;
    },
    { what: `${count} events`, withinMs: 120_000 },
  );
  return (last.there - first.there) / ((last.atMs - first.atMs) / 1000);
}
