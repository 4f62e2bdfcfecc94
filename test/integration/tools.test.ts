// The three tools as processes, from source, against a real Redis: what they say, and the code with which they end.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startRedis } from "../servers/redis.ts";
import { eventually, freePort, temporaryFolder } from "../servers/server.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: readonly string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, ...args],
    {
      env: { PATH: process.env.PATH, MOUSTASH_SPOOL: "none", CUIR_HTTP: "none", FOUET_HTTP: "none", ...env },
    },
  );
  const seen = { stdout: "", stderr: "" };
  child.stdout!.on("data", (chunk) => (seen.stdout += String(chunk)));
  child.stderr!.on("data", (chunk) => (seen.stderr += String(chunk)));
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...seen }));
  return { child, seen, ended };
}

function tool(args: readonly string[], env: Record<string, string> = {}, input = ""): Promise<Ended> {
  const { child, ended } = start(args, env);
  child.stdin!.end(input);
  return ended;
}

const events = async (redis: { list(key: string): Promise<string[]> }) =>
  (await redis.list("logstash:moustash")).map((body) => JSON.parse(body) as Record<string, unknown>);

async function configuration(text: string) {
  const folder = await temporaryFolder();
  const file = join(folder.path, "moustash.ini");
  await writeFile(file, text);
  return { file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

describe("every tool", { concurrency: 2 }, () => {
  for (const name of ["cuir", "fouet", "panpan"]) {
    test(`${name} says what it is, and which version`, async () => {
      const help = await tool([name, "--help"]);
      assert.equal(help.code, 0);
      assert.ok(help.stdout.includes(`\n\nUsage:\n  ${name} `), "usage stands at the top");
      const longest = Math.max(...help.stdout.split("\n").map((line) => line.length));
      assert.ok(longest <= 80, `a line of --help has ${longest} columns`);
      const version = await tool([name, "--version"]);
      assert.match(version.stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ .*\\n$`));
    });

    test(`${name} names a wrong flag and the nearest right one`, async () => {
      const { code, stderr, stdout } = await tool([name, "--redis-prot", "1"]);
      assert.equal(code, 64);
      assert.equal(stdout, "");
      assert.match(stderr, /--redis-prot.*--redis-port/);
      assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
    });

    test(`${name} names every problem of its file at once`, async () => {
      await using config = await configuration(
        "[Moustash]\ntransport: pigeon\nredis_prot: 1\nredis_port: 70000\nredis_ip: a\nredis_ip: b\n",
      );
      const { code, stderr } = await tool([name, "--config", config.file, "--check"]);
      assert.equal(code, 78);
      for (const part of [
        ":2",
        "pigeon",
        ":3",
        "redis_prot",
        "redis_port",
        ":4",
        "70000",
        ":6",
        "redis_ip",
      ]) {
        assert.ok(stderr.includes(part), `${part} in ${stderr}`);
      }
      assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
    });

    test(`${name} --check says what it warns of`, async () => {
      const env = { MOUSTASH_REDIS_PRT: "1", MOUSTASH_REDIS_HOST: "tcp://10.0.0.1:6379" };
      const right = await tool([name, "--check"], env);
      assert.equal(right.code, 0);
      assert.match(right.stdout, /is right\n$/);
      const broken = await tool([name, "--check"], { ...env, MOUSTASH_REDIS_DB: "x" });
      assert.equal(broken.code, 78);
      for (const { stderr } of [right, broken]) {
        assert.match(
          stderr,
          new RegExp(`^${name}: MOUSTASH_REDIS_PRT is no variable of ours; did you mean`, "m"),
        );
        assert.match(stderr, new RegExp(`^${name}: MOUSTASH_REDIS_HOST ignored`, "m"));
      }
    });

    test(`${name} asks for a file that was named and is missing`, async () => {
      const { code, stderr } = await tool([name, "--config", "/nowhere/moustash.ini", "--check"]);
      assert.equal(code, 78);
      assert.match(stderr, /\/nowhere\/moustash\.ini/);
    });
  }
});

describe("--check", { concurrency: 2 }, () => {
  const wrong: [string, string[], Record<string, string>, RegExp][] = [
    [
      "half of a pair",
      ["cuir"],
      { CUIR_HTTP_USER: "u" },
      /^cuir: CUIR_HTTP_USER: http_user and http_password/m,
    ],
    [
      "a host without a number",
      ["cuir"],
      { CUIR_SHARD: "host/5", MOUSTASH_HOST: "abc" },
      /^cuir: CUIR_SHARD: shard = host\/5/m,
    ],
    [
      "supervisord's pipe",
      ["fouet", "--transport", "stdout"],
      {},
      /^fouet: --transport: transport = stdout/m,
    ],
    ["Sentinels without a name", ["panpan", "--redis-sentinels", "a:1"], {}, /^panpan: --redis-sentinels: /m],
    ["Sentinels without a name", ["cuir", "--redis-sentinels", "a:1"], {}, /^cuir: --redis-sentinels: /m],
    [
      "no such authority",
      ["fouet", "--redis-tls", "--redis-tls-ca", "/nonexist"],
      {},
      /^fouet: --redis-tls-ca: redis_tls_ca: \/nonexist is not there/m,
    ],
    [
      "a wrapped command's output",
      ["panpan", "--run"],
      { MOUSTASH_TRANSPORT: "stdout" },
      /^panpan: MOUSTASH_TRANSPORT: transport = stdout cannot be used with --run/m,
    ],
  ];
  for (const [what, [name = "", ...args], env, problem] of wrong) {
    test(`${name} names ${what}, among all that is wrong`, async () => {
      const { code, stderr } = await tool([name, "--check", ...args], { ...env, MOUSTASH_REDIS_DB: "x" });
      assert.equal(code, 78, stderr);
      assert.match(stderr, problem);
      assert.match(stderr, /MOUSTASH_REDIS_DB: redis_db/);
    });
  }

  test("what a task does without is no matter to it", async () => {
    const env = { CUIR_SHARD: "host/5", MOUSTASH_HOST: "abc", CUIR_HTTP_USER: "u" };
    const { code, stderr } = await tool(["cuir", "--once"], env);
    assert.equal(code, 0, stderr);
    const daemon = await tool(["cuir"], env);
    assert.equal(daemon.code, 78);
    assert.match(daemon.stderr, /shard = host[^]*http_user|http_user[^]*shard = host/);
  });
});

describe("cuir", () => {
  test("reads the original's file, and tells when a port goes down and comes back", async () => {
    await using redis = await startRedis();
    const port = await freePort();
    const listen = async () => {
      const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
      await once(server, "listening");
      return server;
    };
    const server = await listen();
    await using config = await configuration(
      `[Moustash]\ntransport: redis\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\n\n` +
        `[Cuir]\nInterval: 1\nrecheck: 200ms\nSSH: 127.0.0.1:${port}:ssh server for HULK\n`,
    );
    const cuir = start(["cuir", "--config", config.file]);
    await eventually(() => /"probing"/.test(cuir.seen.stderr));
    server.close();
    const [down] = await eventually(async () => {
      const all = await events(redis);
      return all.length > 0 ? all : undefined;
    });
    assert.equal(down!.message, "ssh server for HULK");
    assert.equal(down!.program, "SSH");
    assert.equal(down!.source, `127.0.0.1:${port}`);
    assert.equal(down!.type, "cuir");
    assert.equal(down!["@version"], 1);
    assert.match(String(down!["@timestamp"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(down!.tags, ["cuir", "SSH", "down", "notification"]);
    const again = await listen();
    const up = await eventually(async () =>
      (await events(redis)).find(({ tags }) => (tags as string[]).includes("up")),
    );
    assert.equal(up.message, "RECOVERED: ssh server for HULK");
    cuir.child.kill("SIGTERM");
    assert.equal((await cuir.ended).code, 0);
    again.close();
  });

  test("goes on while the broker is away at its start, says so once, and delivers in order when it is there", async () => {
    const redisPort = await freePort();
    const port = await freePort();
    const cuir = start(["cuir"], {
      MOUSTASH_REDIS_IP: "127.0.0.1",
      MOUSTASH_REDIS_PORT: String(redisPort),
      CUIR_PROBES: `CLOSED: 127.0.0.1:${port}:nobody there`,
      CUIR_EMIT: "failures",
      CUIR_INTERVAL: "100ms",
      CUIR_RECHECK: "100ms",
    });
    await eventually(() => /events wait/.test(cuir.seen.stderr));
    await using redis = await startRedis({ port: redisPort });
    await eventually(async () => (await events(redis)).length > 3);
    cuir.child.kill("SIGTERM");
    const { code, stderr } = await cuir.ended;
    assert.equal(code, 0);
    assert.equal(stderr.match(/events wait/g)?.length, 1);
    const seqs = (await events(redis)).map(({ moustash }) => (moustash as { seq: number }).seq);
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(seqs).size, seqs.length);
  });
});

describe("fouet", () => {
  const env = (port: number) => ({ MOUSTASH_REDIS_IP: "127.0.0.1", MOUSTASH_REDIS_PORT: String(port) });

  test("answers RESULT once the event is at the broker, and ends well when supervisord closes the pipe", async () => {
    await using redis = await startRedis();
    const fouet = start(["fouet"], env(redis.port));
    await eventually(() => fouet.seen.stdout === "READY\n");
    const payload = "processname:été groupname:été from_state:STOPPING pid:31773";
    fouet.child.stdin!.write(
      `ver:3.0 server:supervisor serial:4 pool:fouet poolserial:0 eventname:PROCESS_STATE_STOPPED len:${payload.length}\n${payload}`,
    );
    await eventually(() => fouet.seen.stdout === "READY\nRESULT 2\nOKREADY\n");
    fouet.child.stdin!.end();
    assert.equal((await fouet.ended).code, 0);
    const [event] = await events(redis);
    assert.equal(event!.message, "PROCESS_STATE_STOPPED");
    assert.equal(event!.program, "été");
    assert.equal(event!.source, "fouet");
    assert.equal(event!.type, "fouet");
  });

  test("ends with a clear error on what is not supervisord", async () => {
    await using redis = await startRedis();
    const { code, stderr } = await tool(["fouet"], env(redis.port), "GET / HTTP/1.1\r\n\r\n");
    assert.notEqual(code, 0);
    assert.notEqual(code, 1);
    assert.match(stderr, /GET \/ HTTP/);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
  });

  test("refuses transport = stdout on supervisord's pipe", async () => {
    const { code, stderr } = await tool(["fouet", "--transport", "stdout"]);
    assert.equal(code, 78);
    assert.match(stderr, /transport/);
  });
});

describe("panpan", () => {
  test("ends with 69 where neither broker nor disk takes the message", async () => {
    const env = { MOUSTASH_REDIS_IP: "127.0.0.1", MOUSTASH_REDIS_PORT: String(await freePort()) };
    const { code, stderr } = await tool(["panpan", "hello"], env);
    assert.equal(code, 69);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
  });
});
