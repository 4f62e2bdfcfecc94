// Cuir as a process, from source: its commands, its memory, its lists.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { judgePlace } from "../../src/spool/place.ts";
import { hostile } from "../contract/probe.ts";
import { startRedis, withoutRedis } from "../servers/redis.ts";
import { eventually, freePort, freePorts, temporaryFolder } from "../servers/server.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");

/** An event as a pipeline reads it. */
// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

function start(args: readonly string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, "cuir", ...args],
    {
      env: {
        PATH: process.env.PATH,
        MOUSTASH_CONFIG: "none",
        MOUSTASH_SPOOL: "none",
        MOUSTASH_HOST: "trial-1",
        MOUSTASH_TRANSPORT: "stdout",
        CUIR_HTTP: "none",
        CUIR_INTERVAL: "100ms",
        CUIR_RECHECK: "50ms",
        CUIR_TIMEOUT: "2s",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const seen = { stdout: "", stderr: "" };
  child.stdout!.on("data", (chunk) => (seen.stdout += String(chunk)));
  child.stderr!.on("data", (chunk) => (seen.stderr += String(chunk)));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...seen }));
  const events = (): Decoded[] =>
    seen.stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return {
    child,
    seen,
    ended,
    events,
    find: (what: (event: Decoded) => boolean) =>
      eventually(() => events().find(what), { what: `an event (${seen.stderr})`, withinMs: 15_000 }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
}

const has =
  (...tags: string[]) =>
  (event: Decoded) =>
    tags.every((tag) => event.tags.includes(tag));
const isProbing = (stderr: string) => stderr.includes("probing");

async function closedPort() {
  await using server = await hostile(() => {});
  return server.port;
}

suite("cuir", { concurrency: 2 }, () => {
  test("--once: a line for each target, exit 1 when something is down", async () => {
    await using open = await hostile(() => {});
    const closed = await closedPort();
    const well = { CUIR_PROBES: `Open: 127.0.0.1:${open.port}:well` };
    const good = await start(["--once"], well).ended;
    assert.equal(good.code, 0, good.stderr);
    const bad = await start(["--once"], { CUIR_PROBES: `${well.CUIR_PROBES}\nShut: 127.0.0.1:${closed}:ill` })
      .ended;
    assert.equal(bad.code, 1);
    const lines = bad.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines
        .toSorted((a, b) => a.program.localeCompare(b.program))
        .map(({ program, outcome, cause }) => [program, outcome, cause]),
      [
        ["Open", "up", undefined],
        ["Shut", "down", "refused"],
      ],
    );
  });

  test("--once on 2,000 targets: a pipe gets every line, more than it holds", async () => {
    const closed = await closedPort();
    const list = Array.from(
      { length: 2000 },
      (_, index) => `P${index}: 127.0.0.1:${closed}:${"x".repeat(50)}`,
    );
    await using folder = await temporaryFolder();
    const file = join(folder.path, "list");
    await writeFile(file, list.join("\n"));
    const { code, stdout } = await start(["--once"], { CUIR_PROBES_FILE: file }).ended;
    assert.equal(code, 1);
    assert.equal(
      stdout
        .trim()
        .split("\n")
        .filter((line) => JSON.parse(line).cause === "refused").length,
      2000,
    );
  });

  test("a list of 10,000 in which every line is wrong, each in its way, is told of in seconds", async () => {
    await using folder = await temporaryFolder();
    const wrong = [
      (index: number) => `P${index} 10.0.0.1:22:x`,
      (index: number) => `P${index}: 10.0.0.1`,
      (index: number) => `P${index}: 10.0.0.1:99999:x`,
      (index: number) => `intervall${index} = 5s`,
      (index: number) => `P${index}: htp://10.0.0.1/ x`,
    ];
    const lines = Array.from({ length: 10_000 }, (_, index) => wrong[index % wrong.length]!(index));
    // And what does not fit together: each depends on the next, the last on nobody that there is.
    const chain = Array.from(
      { length: 5000 },
      (_, index) => `[Cuir:C${index}]\ntarget: 10.0.0.1:22:x\ndepends_on: C${index + 1}\ndns_type: a`,
    );
    const file = join(folder.path, "m.ini");
    await writeFile(file, `[Cuir]\n${lines.join("\n")}\n${chain.join("\n")}\n`);
    const beganMs = performance.now();
    const { code, stderr } = await start(["--check", "--config", file]).ended;
    const seconds = (performance.now() - beganMs) / 1000;
    console.log(`15,000 wrong lines: ${seconds.toFixed(1)} s`);
    assert.equal(code, 78);
    const told = new Set(stderr.match(/m\.ini:\d+(?=: )/g)?.map((place) => Number(place.split(":")[1])));
    for (let line = 2; line <= 10_001; line += 1) assert.ok(told.has(line), `line ${line}`);
    assert.match(
      stderr,
      /m\.ini:2: "P0 10\.0\.0\.1": a colon belongs after the program's name \(P0: 10\.0\.0\.1:22:x\)/,
    );
    assert.match(stderr, /m\.ini:10005: C0: dns_type: it does not fit/);
    assert.match(stderr, /C4999: depends_on: "C5000" is no target/);
    assert.ok(seconds < 30, `${seconds} s`);
  });

  test("each wrong line of a list of 10,000 is told with its number, all at once", async () => {
    await using folder = await temporaryFolder();
    const lines = Array.from({ length: 10_000 }, (_, index) =>
      index % 1000 === 999
        ? `P${index}: 10.0.0.1:7000${index}:x`
        : `P${index}: 10.0.${index >> 8}.${index & 255}:22:x`,
    );
    const file = join(folder.path, "m.ini");
    await writeFile(file, `[Cuir]\n${lines.join("\n")}\n`);
    const { code, stderr } = await start(["--check", "--config", file]).ended;
    assert.equal(code, 78);
    for (let line = 1001; line <= 10_001; line += 1000)
      assert.match(stderr, new RegExp(`m\\.ini:${line}: .*no port`));
  });

  test("what does not fit together is told by --check", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "m.ini");
    await writeFile(
      file,
      `[Cuir]\nA: 127.0.0.1:1:a\nU: udp://127.0.0.1:1 u\n[Cuir:A]\ndepends_on: Nobody\nhttp_status: 200\n[Cuir:U]\ntls_ca: /nowhere\n[Cuir:T]\ntarget: tls://127.0.0.1:1 t\ntls_ca: ${file}\n[Cuir:H]\ntarget: http://127.0.0.1:1/ h\nhttp_headers: a b=c\n`,
    );
    const { code, stderr } = await start(["--check", "--config", file]).ended;
    assert.equal(code, 78);
    for (const reason of [
      /m\.ini:5: A: depends_on: "Nobody" is no target/,
      /m\.ini:6: A: http_status: it does not fit/,
      /m\.ini:8: U: a udp target needs send and expect/,
      /m\.ini:8: U: tls_ca: it does not fit/,
      /m\.ini:11: T: tls_ca: OpenSSL cannot use .*m\.ini/,
      /m\.ini:14: H: http_headers: .*"a b"/,
    ])
      assert.match(stderr, reason);
  });

  test("a target's own section: its rules, labels, severity, runbook and tags", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "m.ini");
    const port = await closedPort();
    await writeFile(
      file,
      `[Cuir]\ninterval: 100ms\n[Cuir:A]\ntarget: tcp://127.0.0.1:${port} a server\nfall: 3\nseverity: high\nrunbook_url: https://x/y\nlabels: team=sea\ntags: prod, eu\n`,
    );
    await using cuir = start(["--config", file]);
    const down = await cuir.find(has("down"));
    assert.deepEqual(down.tags, ["cuir", "A", "down", "prod", "eu", "notification"]);
    assert.deepEqual(down.labels, { team: "sea" });
    assert.equal(down.cuir.severity, "high");
    assert.equal(down.cuir.runbook_url, "https://x/y");
    assert.equal(down.cuir.failures, 3);
    assert.equal(down.cuir.url, `tcp://127.0.0.1:${port}`);
    assert.equal(down.cuir.history.length, 3);
    assert.equal(down.cuir.prober, "trial-1");
    assert.equal(typeof down.cuir.round, "number");
  });

  test("a port that must stay closed, and one that is slow", async () => {
    await using open = await hostile((socket) => setTimeout(() => socket.write("hello"), 100));
    await using folder = await temporaryFolder();
    const file = join(folder.path, "m.ini");
    await writeFile(
      file,
      `[Cuir]\n[Cuir:Opened]\ntarget: 127.0.0.1:${open.port}:x\ninverted: on\n[Cuir:Closed]\ntarget: 127.0.0.1:${await closedPort()}:x\ninverted: on\n[Cuir:Slow]\ntarget: tcp://127.0.0.1:${open.port} x\nexpect: hello\nslow: 50ms\n`,
    );
    const { code, stdout } = await start(["--once", "--config", file]).ended;
    assert.equal(code, 1);
    const found = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(Object.fromEntries(found.map((one) => [one.program, [one.outcome, one.cause]])), {
      Opened: ["down", "open"],
      Closed: ["up", undefined],
      Slow: ["degraded", "slow"],
    });
  });

  test("a configuration that is refused stops no delivery: a new connection takes the password of before", async (t) => {
    if (withoutRedis) return t.skip(withoutRedis);
    await using folder = await temporaryFolder();
    await using redis = await startRedis({ password: "secret" });
    const file = join(folder.path, "m.ini");
    const text = (more: string) =>
      `[Moustash]\nredis_password = secret\n[Cuir]\nemit = all\nHere: 127.0.0.1:${redis.port}:here\n${more}`;
    await writeFile(file, text(""));
    await using cuir = start(["--config", file], {
      MOUSTASH_CONFIG: "",
      MOUSTASH_TRANSPORT: "redis",
      MOUSTASH_REDIS_IP: "127.0.0.1",
      MOUSTASH_REDIS_PORT: String(redis.port),
    });
    const arrived = async () => (await redis.list("logstash:moustash")).length;
    await eventually(async () => (await arrived()) > 0);
    await writeFile(file, text("bogus = 1\n"));
    await eventually(() => cuir.seen.stderr.includes("the old one goes on"));
    await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const before = await arrived();
    await eventually(async () => (await arrived()) > before, {
      what: `events after a new connection (${cuir.seen.stderr})`,
    });
    assert.match(cuir.seen.stderr, /the user and password of before: /);
  });

  test("a new list: only what changed restarts, a bad one is refused with its lines, by SIGHUP and by itself", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "m.ini");
    const [a, b] = [await closedPort(), await closedPort()];
    const head = "[Cuir]\ninterval: 100ms\nrecheck: 50ms\n";
    await writeFile(file, `${head}A: 127.0.0.1:${a}:a\n`);
    await using cuir = start(["--config", file]);
    await cuir.find(has("A", "down"));
    // As an editor does it: a new file in the old one's place.
    await writeFile(`${file}.new`, `${head}A: 127.0.0.1:${a}:a\nB: 127.0.0.1:${b}:b\n`);
    await rename(`${file}.new`, file);
    const changed = await cuir.find(has("configuration", "changed"));
    assert.deepEqual(changed.cuir.added, ["B"]);
    assert.match(changed.cuir.hash, /^[0-9a-f]{16}$/);
    await cuir.find(has("B", "down"));
    await writeFile(file, `${head}A: 127.0.0.1:99999:a\nB: 127.0.0.1:${b}:b\n`);
    await eventually(() => /refused, the old one goes on[^]*m\.ini:4: .*99999/.test(cuir.seen.stderr));
    await writeFile(file, `${head}B: 127.0.0.1:${b}:b\n`);
    cuir.child.kill("SIGHUP");
    const again = await cuir.find((event) => event.cuir.removed?.includes("A"));
    assert.deepEqual(again.cuir.removed, ["A"]);
    assert.equal(cuir.events().filter(has("B", "down")).length, 1, "what did not change is not told again");
  });

  test("a new address of the page, and a token for it, are in force at once", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "m.ini");
    const [before, after] = await freePorts(2);
    const write = (lines: string) => writeFile(file, `[Cuir]\nSSH: 127.0.0.1:1:x\n${lines}\n`);
    const ask = async (port: number, token = "") => {
      const headers = { authorization: `Bearer ${token}`, connection: "close" };
      return (await fetch(`http://127.0.0.1:${port}/api/targets`, { headers })).status;
    };
    await write(`http: 127.0.0.1:${before}`);
    await using cuir = start(["--config", file], { CUIR_HTTP: "" });
    await eventually(async () => (await ask(before!)) === 200);
    await write(`http: 127.0.0.1:${after}\nhttp_token: secret`);
    await eventually(() => cuir.seen.stderr.includes("the new configuration is in force"));
    assert.equal(await ask(after!), 401);
    assert.equal(await ask(after!, "secret"), 200);
    await assert.rejects(ask(before!));
    await write(`http: 127.0.0.1:${after}\nhttp_user: eve`);
    await eventually(() => /refused, the old one goes on[^]*http_user and/.test(cuir.seen.stderr));
    assert.equal(await ask(after!), 401);
  });

  test("included lists, and a list that is split", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "targets.d"));
    const file = join(folder.path, "m.ini");
    await writeFile(file, "[Cuir]\ninclude: targets.d/*.ini\n");
    const list = Array.from({ length: 40 }, (_, index) => `P${index}: 127.0.0.1:${index + 1}:x`).join("\n");
    await writeFile(join(folder.path, "targets.d", "a.ini"), `${list}\n`);
    const { stdout } = await start(["--once", "--config", file]).ended;
    assert.equal(stdout.trim().split("\n").length, 40);
    const counts = await Promise.all(
      ["1/3", "2/3", "3/3"].map(async (shard) => {
        await using cuir = start(["--config", file], { CUIR_SHARD: shard });
        await eventually(() => isProbing(cuir.seen.stderr));
        return Number(/"targets":(\d+)/.exec(cuir.seen.stderr)?.[1]);
      }),
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      40,
    );
    assert.ok(
      counts.every((count) => count > 3),
      String(counts),
    );
  });

  const place = judgePlace(tmpdir());
  const noDisk = place.is === "disk" ? false : `no disk to spool on: ${place.why}`;

  test("silences, status, a trial, and what outlives a kill", { skip: noDisk }, async () => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const env = {
      MOUSTASH_SPOOL: join(folder.path, "spool"),
      CUIR_PROBES: `SSH: 127.0.0.1:${port}:ssh server`,
      CUIR_REMIND: "500ms",
    };
    await using cuir = start([], env);
    const down = await cuir.find(has("SSH", "down", "notification"));
    const said = await start(["--silence", "SSH", "1h", "disk", "is", "replaced"], env).ended;
    assert.equal(said.code, 0, said.stderr);
    const begun = await cuir.find(has("SSH", "silence", "begins"));
    assert.equal(begun.cuir.silence.reason, "disk is replaced");
    const silenced = cuir.events().length;
    const status = await start(["--status"], env).ended;
    assert.equal(status.code, 1);
    const [row] = status.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(row.status, "down");
    assert.equal(row.silence.reason, "disk is replaced");
    cuir.child.kill("SIGKILL");
    await cuir.ended;
    assert.ok(
      cuir
        .events()
        .slice(silenced)
        .every(({ moustash }) => !moustash.notify),
      "people are not told",
    );
    const { createServer } = await import("node:net");
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => {
      server.listen(port, "127.0.0.1", resolve);
    });
    {
      await using second = start([], env);
      const up = await second.find(has("SSH", "up"));
      assert.equal(up.message, "RECOVERED: ssh server");
      assert.equal(up.cuir.episode, down.cuir.episode);
      assert.deepEqual(up.tags, ["cuir", "SSH", "up", "silenced"]);
      const over = await start(["--silence", "SSH", "0"], env).ended;
      assert.equal(over.code, 0, over.stderr);
      await second.find(has("SSH", "silence", "ends"));
    }
    await new Promise((resolve) => server.close(resolve));
    const trial = await start(["--test-notification", "ssh"], env).ended;
    assert.equal(trial.code, 0, trial.stderr);
    const event = JSON.parse(trial.stdout.split("\n")[0]!);
    assert.equal(event.message, "TEST: ssh server");
    assert.deepEqual(event.tags, ["cuir", "SSH", "test", "notification"]);
    assert.ok(existsSync(folder.path));
  });

  test("after a pause everybody waits for its own moment, and what was missed is counted", async () => {
    const times: number[] = [];
    await using server = await hostile(() => times.push(performance.now()));
    const probes = Array.from({ length: 40 }, (_, index) => `P${index}: 127.0.0.1:${server.port}:x`).join(
      "\n",
    );
    await using cuir = start([], { CUIR_PROBES: probes, CUIR_INTERVAL: "1s", CUIR_HEARTBEAT: "300ms" });
    await eventually(() => times.length >= 80);
    cuir.child.kill("SIGSTOP");
    const before = times.length;
    const until = performance.now() + 3500;
    await eventually(() => performance.now() > until);
    const resumedMs = performance.now();
    cuir.child.kill("SIGCONT");
    await eventually(() => times.length >= before + 40);
    await cuir.find((event) => event.cuir.missed >= 80);
    // Spread over a second as before: a tenth of it has about a tenth of them.
    const early = times.filter((ms) => ms > resumedMs && ms < resumedMs + 100).length;
    assert.ok(early < 25, `${early} of 40 at once`);
  });

  test("wrong words are wrong usage", async () => {
    const env = { CUIR_PROBES: "SSH: 127.0.0.1:22:x" };
    for (const [args, reason] of [
      [["hello"], /takes options only/],
      [["--check", "hello"], /would be left out/],
      [["--status", "--once"], /exclude each other/],
      [["--silence", "SSH"], /PROGRAM DURATION REASON/],
      [["--silence", "SSH", "soon", "x"], /no duration/],
      [["--silence", "SSH", "2h"], /say why/],
      [["--silence", "Nobody", "2h", "x"], /"Nobody" is no target: there are SSH/],
      [["--test-notification", "Nobody"], /no target/],
    ] as const) {
      const { code, stderr } = await start(args, env).ended;
      assert.equal(code, 64, stderr);
      assert.match(stderr, reason);
    }
  });
});
