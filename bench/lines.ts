// A million lines through `panpan` into Redis, beside rsyslog's imfile to omhiredis and ready-made commands through
// `redis-cli --pipe`.
import { createWriteStream } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { type RedisServer, startRedis } from "../test/servers/redis.ts";
import { eventually, startChild } from "../test/servers/server.ts";
import { type Bench, type Benchmark, must, part } from "./benchmark.ts";
import { inTurns } from "./measure.ts";
import { time } from "./stopwatch.ts";

export const lines: Benchmark = {
  name: "lines",
  work: "1,000,000 lines of text into Redis, an event for each",
  rounds: 3,
  bars: [
    { of: "panpan", to: "rsyslog", atLeast: 1.5 },
    { of: "panpan", to: "redis-cli --pipe", atLeast: 0.3 },
  ],
  async run(bench) {
    const { moustash, rounds } = bench;
    await using redis = await startRedis();
    const count = part(1_000_000, bench, 2000);
    const text = join(moustash.folder, "lines.txt");
    const commands = join(moustash.folder, "commands.resp");
    await write(text, count, lineOf);
    await write(commands, count, commandOf);
    const units = { panpan: "lines/s", rsyslog: "lines/s", "redis-cli --pipe": "lines/s" };
    const timed = async (words: readonly [string, ...string[]], file: string, key: string) => {
      await redis.command("DEL", key);
      await using input = await open(file);
      const { folder, env } = moustash;
      const { seconds } = await time(words, { folder, env, input: input.fd });
      const there = Number(await redis.command("LLEN", key));
      must(there === count, `${there} events of ${count} are in Redis at ${key}`);
      await redis.command("DEL", key);
      return count / seconds;
    };
    return await inTurns({
      rounds,
      warmUps: 0,
      units,
      contenders: [
        async () => ({
          panpan: await timed(
            moustash.command("panpan", "--redis-port", String(redis.port)),
            text,
            "logstash:moustash",
          ),
        }),
        async () => ({ rsyslog: count / (await sendByRsyslog(bench, redis, text, count)) }),
        async () => ({
          "redis-cli --pipe": await timed(
            ["redis-cli", "-p", String(redis.port), "--pipe"],
            commands,
            "pipe",
          ),
        }),
      ],
    });
  },
};

const lineOf = (number: number) =>
  `2026-11-22T13:37:20.581Z web-1 nginx[1234]: 10.1.2.3 GET /assets/${number}.css 200 5120 "Mozilla/5.0"\n`;

/** What a line becomes, made before the clock runs. */
function commandOf(number: number): string {
  const event = JSON.stringify({
    "@timestamp": "2026-11-22T13:37:20.581Z",
    "@version": 1,
    message: lineOf(number).trim(),
    host: "bench",
    type: "panpan",
    program: "panpan",
    source: "stdin",
    tags: ["panpan"],
    panpan: { summary: lineOf(number).trim() },
    moustash: { schema: 1, id: "019cb1a3-5f2c-7000-8000-123456789abc", run: "r", seq: number, notify: false },
  });
  return `*3\r\n$5\r\nRPUSH\r\n$4\r\npipe\r\n$${Buffer.byteLength(event)}\r\n${event}\r\n`;
}

async function write(path: string, count: number, make: (number: number) => string): Promise<void> {
  const file = createWriteStream(path);
  for (let number = 1; number <= count;) {
    let piece = "";
    for (let more = Math.min(10_000, count - number + 1); more > 0; more -= 1, number += 1)
      piece += make(number);
    if (!file.write(piece)) await once(file, "drain");
  }
  file.end();
  await finished(file);
}

/** Seconds from its start to the last line in Redis; its template makes an event like ours. */
async function sendByRsyslog({ moustash }: Bench, redis: RedisServer, text: string, count: number) {
  const folder = join(moustash.folder, "rsyslog");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const config = join(folder, "rsyslog.conf");
  await writeFile(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k")
module(load="imfile")
module(load="omhiredis")
template(name="event" type="list" option.json="off") {
  constant(value="{\\"@timestamp\\":\\"") property(name="timereported" dateFormat="rfc3339" date.inUTC="on")
  constant(value="\\",\\"@version\\":1,\\"message\\":\\"") property(name="msg" format="json")
  constant(value="\\",\\"host\\":\\"") property(name="hostname" format="json")
  constant(value="\\",\\"type\\":\\"panpan\\",\\"program\\":\\"panpan\\",\\"source\\":\\"stdin\\",\\"tags\\":[\\"panpan\\"],\\"panpan\\":{\\"summary\\":\\"")
  property(name="msg" format="json")
  constant(value="\\"},\\"moustash\\":{\\"schema\\":1,\\"id\\":\\"") property(name="uuid")
  constant(value="\\",\\"notify\\":false}}")
}
main_queue(queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024")
input(type="imfile" File="${text}" Tag="lines" ruleset="send")
ruleset(name="send") {
  action(type="omhiredis" server="127.0.0.1" serverport="${redis.port}" mode="queue" key="rsyslog" template="event")
}
`,
  );
  await redis.command("DEL", "rsyslog");
  const began = performance.now();
  const child = startChild("rsyslogd", ["-n", "-f", config, "-i", join(folder, "pid")], {});
  try {
    await eventually(
      async () => {
        must(!child.hasEnded(), `rsyslogd ended: ${child.output()}`);
        return Number(await redis.command("LLEN", "rsyslog")) >= count;
      },
      { what: `rsyslog's ${count} lines (${child.output()})`, withinMs: 180_000 },
    );
    return (performance.now() - began) / 1000;
  } finally {
    await child.end();
    await redis.command("DEL", "rsyslog");
  }
}
