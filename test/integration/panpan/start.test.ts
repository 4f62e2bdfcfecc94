// What a one-shot loads, as the images have it: each module of Node's or library's that a message does not need costs
// whoever waits for it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { bundle } from "../../../scripts/bundle.ts";
import { type RedisServer, startRedis, withoutRedis } from "../../servers/redis.ts";
import { temporaryFolder } from "../../servers/server.ts";

/** Heavy ones. node:net and its streams carry the event; the rest is for TLS, names, ids, disks and terminals. */
const heavy = "tls crypto dns http https child_process worker_threads perf_hooks sqlite tty assert v8".split(
  " ",
);

describe("a message", { skip: withoutRedis }, () => {
  let redis: RedisServer;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    redis = await startRedis();
    folder = await temporaryFolder();
    await bundle(folder.path);
  });
  after(async () => {
    await folder[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function run(words: readonly string[]) {
    const program = `
      process.argv.splice(1, 0, "start");
      process.on("exit", () => console.log(JSON.stringify(process.moduleLoadList)));
      require(${JSON.stringify(join(folder.path, "panpan.cjs"))});`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--eval", program, "panpan", "--redis-port", String(redis.port), ...words],
      {
        env: {
          MOUSTASH_CONFIG: "none",
          MOUSTASH_SPOOL: join(folder.path, "spool"),
          MOUSTASH_REDIS_IP: "127.0.0.1",
        },
      },
    );
    return (JSON.parse(stdout) as string[]).map((name) => name.replace("NativeModule ", ""));
  }

  /** Once more where a busy machine made the broker late, so that the event went to the disk: at most so often. */
  async function runInTime(words: readonly string[], mostRuns = 10) {
    for (let runs = 1; ; runs += 1) {
      await redis.command("FLUSHALL");
      const loaded = await run(words);
      if (!loaded.includes("sqlite") || runs === mostRuns) return loaded;
      await rm(join(folder.path, "spool"), { recursive: true, force: true });
    }
  }

  test("loads none of Node's heavy modules", async () => {
    const loaded = await runInTime(["hello"]);
    assert.ok(loaded.includes("net"), "it went over a socket");
    assert.deepEqual(
      heavy.filter((name) => loaded.includes(name)),
      [],
    );
    assert.equal((await redis.list("logstash:moustash")).length, 1);
  });

  test("of a wrapped command loads what starts one, and no more", async () => {
    const loaded = await runInTime(["--run", "--", "true"]);
    const expected = ["child_process"];
    assert.deepEqual(
      heavy.filter((name) => loaded.includes(name)),
      expected,
    );
  });
});
