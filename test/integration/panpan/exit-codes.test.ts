// Each exit code of PanPan, produced for real.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Ended, type PanpanHome, eventsIn, openPanpan, whyNoDisk } from "../../servers/panpan.ts";
import { type RedisServer, startRedis } from "../../servers/redis.ts";
import { freePort } from "../../servers/server.ts";

const noDisk = await whyNoDisk();

describe("exit codes", { timeout: 600_000 }, () => {
  let redis: RedisServer;
  let locked: RedisServer;
  let home: PanpanHome;
  let nobody: number;
  before(async () => {
    redis = await startRedis();
    locked = await startRedis({ password: "secret" });
    nobody = await freePort();
    home = await openPanpan({
      MOUSTASH_REDIS_PORT: redis.port,
      MOUSTASH_REDIS_IP: "127.0.0.1",
      MOUSTASH_SPOOL: "none",
      PANPAN_TIMEOUT: "60s",
    });
  });
  after(async () => {
    await home[Symbol.asyncDispose]();
    await locked[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  /** One line on stderr, no stack, and the code. */
  function ends({ code, stderr }: Ended, wanted: number, line: RegExp) {
    assert.equal(code, wanted, stderr);
    assert.match(stderr, line);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
  }

  test("0: the broker has it", async () => {
    const ended = await home.panpan(["hi"]);
    assert.deepEqual([ended.code, ended.stderr], [0, ""]);
    assert.equal((await eventsIn(redis)).length, 1);
  });

  test("0: it is on disk, and the next run delivers it first", { skip: noDisk }, async () => {
    await using own = await openPanpan({ MOUSTASH_REDIS_PORT: redis.port, MOUSTASH_REDIS_IP: "127.0.0.1" });
    await redis.command("FLUSHALL");
    await redis.kill();
    const away = await own.panpan(["while it was away"]);
    ends(away, 0, /^panpan: spooled, delivery pending\n$/);
    const quiet = await own.panpan(["-q", "--json-output", "quietly"]);
    assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
    assert.equal((JSON.parse(quiet.stdout) as { at: string }).at, "spool");
    ends(await own.panpan(["--spool-status"]), 0, /^$/);
    assert.match((await own.panpan(["--spool-status"])).stdout, /waiting +2 events/);
    const left = await own.panpan(["--flush", "--timeout", "300ms"]);
    assert.deepEqual([left.code, left.stdout], [75, "0 delivered, 2 waiting, 0 rejected\n"]);
    await redis.start();
    const flushed = await own.panpan(["--flush"]);
    assert.deepEqual([flushed.code, flushed.stdout], [0, "2 delivered, 0 waiting, 0 rejected\n"]);
    assert.deepEqual(
      (await eventsIn(redis)).map(({ message }) => message),
      ["while it was away", "quietly"],
    );
  });

  test("64: wrong usage", async () => {
    ends(await home.panpan([]), 64, /^panpan: there is no message/);
    ends(await home.panpan(["a", "b"]), 64, /2 words/);
    ends(await home.panpan(["a", "b", "c", "Maybe"]), 64, /True or False, not "Maybe"/);
    ends(await home.panpan(["--colour", "x"]), 64, /--colour is no option/);
    ends(await home.panpan(["--id", "", "x"]), 64, /--id needs a value, and this one is empty/);
    ends(await home.panpan(["--run"]), 64, /--run needs a command/);
    ends(await home.panpan(["--run", "true"]), 64, /after --/);
  });

  test("64: what would be left out", async () => {
    for (const task of ["--flush", "--spool-status", "--doctor", "--check", "--print-config"])
      ends(await home.panpan([task, "disk full"]), 64, /"disk full" would be left out/);
    ends(await home.panpan(["--rejected", "disk full"]), 64, /--rejected needs --flush beside it/);
    for (const task of ["--flush", "--doctor", "--explain", "--spool-status"]) {
      const ended = await home.panpan([task, "--run", "--", "echo", "RAN"]);
      ends(ended, 64, /exclude each other/);
      assert.equal(ended.stdout, "");
    }
  });

  test("78: --check and --print-config never start the command", async () => {
    const env = { MOUSTASH_REDIS_DB: "abc" };
    for (const task of ["--check", "--print-config"]) {
      const ended = await home.panpan([task, "--run", "--", "echo", "RAN"], { env });
      ends(ended, 78, /MOUSTASH_REDIS_DB/);
      assert.equal(ended.stdout, "");
      assert.doesNotMatch((await home.panpan([task, "--run", "--", "echo", "RAN"])).stdout, /RAN/);
    }
  });

  test("65: bad input data", async () => {
    ends(await home.panpan(["--json"], { input: "{}\n" }), 65, /^panpan: line 1: "message" is missing\n$/);
    const env = { MOUSTASH_MAX_EVENT_BYTES: 2000 };
    ends(await home.panpan(["-f", `a=${"x".repeat(3000)}`, "m"], { env }), 65, /max_event_bytes/);
  });

  test("69: the broker is away, and there is no disk", async () => {
    const env = { MOUSTASH_REDIS_PORT: nobody };
    ends(await home.panpan(["hi"], { env: { ...env, MOUSTASH_SPOOL: "none" } }), 69, /127\.0\.0\.1/);
    ends(await home.panpan(["hi"], { env: { ...env, MOUSTASH_SPOOL: "/dev/shm/spool" } }), 69, /tmpfs/);
    const json = await home.panpan(["--json-output", "hi"], { env: { ...env, MOUSTASH_SPOOL: "none" } });
    const said = JSON.parse(json.stdout) as Record<string, unknown>;
    assert.deepEqual([json.code, said.at, said.events, said.exit_code], [69, null, 0, 69]);
  });

  test("69: a broker that hangs is given up after --timeout", async () => {
    await using slow = await startRedis();
    slow.stop();
    const env = { MOUSTASH_REDIS_PORT: slow.port, MOUSTASH_SPOOL: "none" };
    const ended = await home.panpan(["--timeout", "300ms", "hi"], { env });
    slow.resume();
    ends(ended, 69, /./);
  });

  test("74: the broker is away, and the spool is full or cannot be written", { skip: noDisk }, async () => {
    const env = { MOUSTASH_REDIS_PORT: nobody };
    await using full = await openPanpan(env);
    const small = { env: { MOUSTASH_SPOOL_MAX_BYTES: "300KB" } };
    let last = await full.panpan(["x"], small);
    for (let turn = 0; turn < 20 && last.code === 0; turn += 1) {
      last = await full.panpan(["--whole"], { ...small, input: "x".repeat(100_000) });
    }
    ends(last, 74, /full/);
    const file = join(home.folder, "file");
    await writeFile(file, "");
    const unwritable = await home.panpan(["x"], { env: { ...env, MOUSTASH_SPOOL: join(file, "spool") } });
    ends(unwritable, 74, /cannot be written/);
  });

  test("75: --require-broker, and it is only on disk", { skip: noDisk }, async () => {
    await using own = await openPanpan({ MOUSTASH_REDIS_PORT: nobody });
    const ended = await own.panpan(["--require-broker", "--timeout", "400ms", "hi"]);
    ends(ended, 75, /^panpan: spooled, delivery pending\n$/);
  });

  test("0: --require-broker, and the broker comes back in time", { skip: noDisk }, async () => {
    await using back = await startRedis();
    await using own = await openPanpan({ MOUSTASH_REDIS_PORT: back.port });
    await back.kill();
    const running = own.start(join(own.folder, "panpan"), ["--require-broker", "--timeout", "60s", "hi"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    await back.start();
    assert.equal((await running.ended).code, 0);
    assert.equal((await eventsIn(back)).length, 1);
  });

  test("77: the broker refuses our credentials, and there is no disk", async () => {
    const env = { MOUSTASH_REDIS_PORT: locked.port, MOUSTASH_SPOOL: "none" };
    ends(await home.panpan(["hi"], { env }), 77, /password/);
    const wrong = await home.panpan(["hi"], { env: { ...env, MOUSTASH_REDIS_PASSWORD: "wrong-secret" } });
    ends(wrong, 77, /./);
    assert.doesNotMatch(wrong.stderr, /wrong-secret/);
  });

  test("78: bad configuration, all of it at once", async () => {
    const ended = await home.panpan(["hi"], {
      env: { MOUSTASH_TRANSPORT: "pigeon", PANPAN_TIMEOUT: "soon" },
    });
    ends(ended, 78, /pigeon/);
    assert.match(ended.stderr, /soon/);
    ends(await home.panpan(["--config", "/nowhere.ini", "hi"]), 78, /\/nowhere\.ini/);
    ends(await home.panpan(["--run", "--", "true"], { env: { MOUSTASH_TRANSPORT: "stdout" } }), 78, /--run/);
  });

  test("78: a URL with a % that encodes nothing, without showing it", async () => {
    const url = await home.panpan(["hi"], { env: { MOUSTASH_REDIS_URL: "redis://u:s3cret%zz@127.0.0.1:1" } });
    ends(url, 78, /MOUSTASH_REDIS_URL.*password.*%25/);
    assert.doesNotMatch(url.stderr, /s3cret/);
  });

  test("1: a bug of ours, with its stack", async () => {
    const script = encodeURIComponent("Date.prototype.toISOString=()=>{throw new TypeError('broken clock')}");
    const { code, stderr } = await home.panpan(["hi"], {
      env: { NODE_OPTIONS: `--import data:text/javascript,${script}` },
    });
    assert.equal(code, 1);
    assert.match(stderr, /bug of ours[^]*broken clock\n\s+at /);
  });
});
