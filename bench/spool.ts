// The same events with the broker away, onto the disk, then drained when it is back; beside the sqlite3 shell.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { startRedis } from "../test/servers/redis.ts";
import { freePort } from "../test/servers/server.ts";
import { type Benchmark, must, part } from "./benchmark.ts";
import { inTurns } from "./measure.ts";
import { publishEvents } from "./publish.ts";

/** As many rows a commit as a batch has events. */
const perCommit = 1024;

export const spool: Benchmark = {
  name: "spool",
  work: "1,000,000 contract events onto the disk while the broker is away, then drained",
  rounds: 3,
  bars: [
    { of: "moustash in", to: "sqlite3", atLeast: 0.5 },
    { of: "moustash drain", to: "moustash publish", atLeast: 0.5 },
  ],
  async run(bench) {
    const { moustash, rounds } = bench;
    const count = part(1_000_000, bench, 2000);
    const words = await moustash.work("publish");
    const script = join(moustash.folder, "rows.sql");
    await writeRows(script, count);
    const folder = join(moustash.folder, "disk");
    return await inTurns({
      rounds,
      warmUps: 0,
      units: {
        "moustash in": "events/s",
        "moustash drain": "events/s",
        "moustash publish": "events/s",
        sqlite3: "rows/s",
      },
      contenders: [
        async () => {
          await rm(folder, { recursive: true, force: true });
          const port = await freePort();
          let server: Promise<Awaited<ReturnType<typeof startRedis>>> | undefined;
          const told = await publishEvents(words, {
            port,
            spool: folder,
            count,
            heard(what) {
              if (what === "accepted") server = startRedis({ port });
            },
          });
          await using redis = await server!;
          const there = Number(await redis.command("LLEN", "logstash:moustash"));
          must(there === count, `${there} events of ${count} are in Redis`);
          return {
            "moustash in": count / (told["accepted"]! - told["begin"]!),
            // From the first that comes out: before that Redis starts, and we wait between two tries.
            "moustash drain": count / (told["delivered"]! - told["first"]!),
          };
        },
        async () => {
          await rm(folder, { recursive: true, force: true });
          await using redis = await startRedis();
          const told = await publishEvents(words, { port: redis.port, spool: folder, count });
          return { "moustash publish": count / (told["delivered"]! - told["begin"]!) };
        },
        async () => ({ sqlite3: count / (await insertRows(script, join(moustash.folder, "peer"))) }),
      ],
    });
  },
};

/** Rows as ours are, in the shell's own language, so many to a transaction. */
async function writeRows(path: string, count: number): Promise<void> {
  const file = createWriteStream(path);
  file.write(
    "pragma journal_mode = wal; pragma synchronous = full;\n" +
      "create table rows (position integer primary key, run text not null, seq integer not null, id text not null, class text not null, at integer not null, route text not null, body text not null, sum integer not null, unique (run, seq)) strict;\n",
  );
  const run = "019cb1a3-5f2c-7000-8000-123456789abc";
  const body = JSON.stringify({ message: "x".repeat(440) });
  for (let row = 1; row <= count;) {
    let text = "begin immediate;\n";
    for (let more = Math.min(perCommit, count - row + 1); more > 0; more -= 1, row += 1)
      text += `insert into rows values (${row}, '${run}', ${row}, '019cb1a3-5f2c-7000-8000-${String(row).padStart(12, "0")}', 'change', 1790000000000, '["cuir","bench","SSH"]', '${body}', 123456789);\n`;
    if (!file.write(`${text}commit;\n`)) await once(file, "drain");
  }
  file.end();
  await finished(file);
}

/** Seconds. */
async function insertRows(script: string, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const path = join(folder, "rows.sqlite");
  const began = performance.now();
  const child = spawn("sqlite3", ["-batch", "-bail", path], { stdio: ["pipe", "ignore", "inherit"] });
  createReadStream(script, { highWaterMark: 2 ** 20 }).pipe(child.stdin);
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = (performance.now() - began) / 1000;
  must(code === 0 && (await stat(path)).size > 0, `sqlite3 ended with ${code}`);
  return seconds;
}
