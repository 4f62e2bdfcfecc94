// Wrapped commands: their code, output, input, terminal and signals are their own; their end is told.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Event, type PanpanHome, eventsIn, openPanpan, whyNoDisk } from "../../servers/panpan.ts";
import { type RedisServer, startRedis } from "../../servers/redis.ts";
import { childOf, eventually, freePort } from "../../servers/server.ts";

const terminal = join(import.meta.dirname, "../../servers/terminal.py");
const noDisk = await whyNoDisk();

describe("panpan --run", { timeout: 600_000 }, () => {
  let redis: RedisServer;
  let home: PanpanHome;
  before(async () => {
    redis = await startRedis();
    home = await openPanpan({
      MOUSTASH_REDIS_PORT: redis.port,
      MOUSTASH_REDIS_IP: "127.0.0.1",
      // However busy the machine is, the broker hears each in its turn.
      MOUSTASH_ACCEPT_WITHIN: "30s",
    });
  });
  after(async () => {
    await home[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });
  beforeEach(() => redis.command("FLUSHALL"));

  const run = (line: string, options: readonly string[] = [], more = {}) =>
    home.panpan(["--run", ...options, "--", "sh", "-c", line], more);
  /** The end is told, at the broker now or by way of the disk. */
  async function lastEvent(): Promise<Event> {
    return await eventually(
      async () => {
        await home.panpan(["--flush", "-q"]);
        return (await eventsIn(redis)).at(-1);
      },
      { withinMs: 120_000, what: "the end of the command in Redis" },
    );
  }

  for (const code of [0, 1, 3, 126, 127, 255]) {
    test(`code ${code} is passed on and told`, async () => {
      const ended = await run(`exit ${code}`);
      assert.deepEqual([ended.code, ended.stdout], [code, ""]);
      const { panpan, tags } = await lastEvent();
      assert.equal(panpan.exit_code, code);
      assert.deepEqual(
        tags,
        code === 0 ? ["panpan", "sh", "succeeded"] : ["panpan", "sh", "failed", "notification"],
      );
    });
  }

  for (const signal of ["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP", "SIGSEGV", "SIGUSR1", "SIGPIPE"] as const) {
    test(`killed by ${signal}: 128+n, and the signal by name`, async () => {
      const ended = await run(`kill -${signal.slice(3)} $$`);
      assert.equal(ended.code, 128 + constants.signals[signal]);
      const { panpan, message } = await lastEvent();
      assert.deepEqual([panpan.signal, panpan.exit_code], [signal, ended.code]);
      assert.match(message, new RegExp(`^sh failed: killed by ${signal} after`));
    });
  }

  test("what cannot start: 127 and 126, with the reason", async () => {
    const missing = await home.panpan(["--run", "--", "no-such-command"]);
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /^panpan: cannot start no-such-command: no such command/);
    const file = join(home.folder, "no-program");
    await writeFile(file, "text\n");
    assert.equal((await home.panpan(["--run", "--", file])).code, 126);
    assert.match((await lastEvent()).message, /^no-program failed: cannot start .*permission denied$/);
  });

  test("output passes through byte for byte, and its last lines are told apart", async () => {
    const line = `printf 'a\\0\\377\\n'; echo two; echo wrong >&2; printf 'no end'`;
    const started = home.start(join(home.folder, "panpan"), ["--run", "--", "sh", "-c", line]);
    const { stdout, stderr } = await started.ended;
    assert.equal(stdout, "a\0\uFFFD\ntwo\nno end");
    assert.match(stderr, /^wrong\n/);
    const { panpan } = await lastEvent();
    assert.deepEqual([panpan.stdout, panpan.stderr], [["a\0\uFFFD", "two", "no end"], ["wrong"]]);
  });

  test("one pipe for both keeps their order", async () => {
    const loop = "i=0; while [ $i -lt 300 ]; do echo $i; echo $i >&2; i=$((i+1)); done";
    const { stdout } = await home.sh(`panpan -q --run -- sh -c '${loop}' 2>&1 | cat`);
    const wanted = [...Array(300).keys()].flatMap((number) => [`${number}`, `${number}`]).join("\n");
    assert.equal(stdout.trimEnd(), wanted);
    const { panpan } = await lastEvent();
    assert.equal((panpan.output as string[]).length, 20);
  });

  test("/dev/stdout can be opened anew, as on the pipe that it was", async () => {
    const { stdout, code } = await run("echo again > /dev/stdout; test -p /dev/stdout");
    assert.deepEqual([stdout, code], ["again\n", 0]);
  });

  test("a gigabyte of output arrives whole", async () => {
    const make = "seq 112000000";
    const line = `panpan -q --run -- ${make} | cmp - <(${make}) && echo same`;
    const { stdout } = await home.start("bash", ["-c", line]).ended;
    assert.equal(stdout, "same\n");
  });

  test("a reader that goes away ends the command as without us", async () => {
    const { stdout } = await home.sh("{ panpan -q --run -- yes; echo $? >&2; } 2>code | head -n 1; cat code");
    assert.equal(stdout, "y\n141\n");
  });

  test("standard input is the command's", async () => {
    const input = Buffer.alloc(300_000, "line\n");
    const { stdout } = await run("sha256sum", [], { input });
    assert.equal(stdout.split(" ")[0], createHash("sha256").update(input).digest("hex"));
  });

  test("what it leaves behind writes on, and is not waited for", async () => {
    const out = join(home.folder, "left");
    const { code } = await home.sh(
      `panpan -q --run -- sh -c 'echo first; (while [ ! -e go ]; do sleep 0.05; done; echo late; echo $? >status) & exit 5' >${out} 2>&1`,
    );
    assert.equal(code, 5);
    assert.equal(await readFile(out, "utf8"), "first\n");
    await writeFile(join(home.folder, "go"), "");
    await eventually(async () => (await readFile(out, "utf8")) === "first\nlate\n");
    await eventually(async () => (await readFile(join(home.folder, "status"), "utf8")) === "0\n");
  });

  test("what it leaves behind is not waited for, however much that writes to a slow reader", async () => {
    const writer = "sh -c 'yes & echo $! >writer; exit 5'";
    const slow = 'while [ "$(head -c 65536 | wc -c)" != 0 ]; do sleep 0.05; done';
    const { stdout } = await home.sh(
      `{ timeout 60 panpan -q --run -- ${writer}; echo $? >code; kill $(cat writer); } 2>&1 | ${slow}; cat code`,
    );
    assert.equal(stdout, "5\n");
  });

  test("each signal is passed on", async () => {
    const names = [
      "HUP",
      "INT",
      "QUIT",
      "USR1",
      "USR2",
      "TERM",
      "ALRM",
      "CONT",
      "WINCH",
      "IO",
      "PWR",
      "URG",
      "VTALRM",
      "XCPU",
    ];
    const script = join(home.folder, "signals.py");
    await writeFile(
      script,
      `import signal, sys, time
for name in sys.argv[1:]:
    signal.signal(getattr(signal, "SIG" + name), lambda number, frame: print(signal.Signals(number).name, flush=True))
print("ready", flush=True)
while True: signal.pause()
`,
    );
    const running = home.start(join(home.folder, "panpan"), [
      "-q",
      "--run",
      "--",
      "python3",
      script,
      ...names,
    ]);
    await eventually(() => running.stdout() === "ready\n");
    let wanted = "ready\n";
    for (const name of names) {
      running.kill(`SIG${name}` as NodeJS.Signals);
      wanted += name === "IO" ? running.stdout().slice(wanted.length) : `SIG${name}\n`;
      if (name === "IO") {
        await eventually(() => /SIG(IO|POLL)\n$/.test(running.stdout()));
        wanted = running.stdout();
      } else await eventually(() => running.stdout() === wanted, { what: `SIG${name} at the command` });
    }
    process.kill(await childOf(running.pid), "SIGKILL");
    assert.equal((await running.ended).code, 137);
  });

  test("a signal that comes when the command has ended does not keep its end from being told", async () => {
    const running = home.start("panpan", ["-q", "--run", "-p", "hung-up", "--", "sleep", "300"], {
      env: { MOUSTASH_ACCEPT_WITHIN: "1s" },
    });
    const sleeping = await childOf(running.pid);
    redis.stop();
    try {
      // A session that hangs up: from the shell and from the terminal.
      running.kill("SIGHUP");
      await eventually(() => !isAlive(sleeping), { what: "the end of the command" });
      running.kill("SIGHUP");
      const { code, signal } = await running.ended;
      assert.deepEqual([code, signal], [129, null]);
    } finally {
      redis.resume();
    }
    assert.equal((await lastEvent()).program, "hung-up");
  });

  test("under timeout(1)", async () => {
    const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    const running = home.start("timeout", ["600", "panpan", "-q", "--run", "--", "sh", "-c", script]);
    await eventually(() => running.stdout() === "ready\n");
    // Its time is over: that is how it learns it.
    running.kill("SIGALRM");
    assert.equal((await running.ended).code, 124);
    assert.equal((await lastEvent()).panpan.exit_code, 9);
  });

  test("a terminal stays a terminal: its size, its changes, its questions", async () => {
    const script =
      "stty size; trap 'stty size; exit 6' WINCH; test -t 0 && test -t 1 && test -t 2 && echo tty; while :; do sleep 0.1; done";
    const running = home.start("python3", [
      terminal,
      "33",
      "77",
      "panpan",
      "-q",
      "--run",
      "--",
      "sh",
      "-c",
      script,
    ]);
    await eventually(() => running.stdout() === "33 77\r\ntty\r\n");
    running.stdin.write("\0SIZE 44 88\n");
    assert.equal((await running.ended).stdout, "33 77\r\ntty\r\n44 88\r\n");
    assert.equal((await running.ended).code, 6);
  });

  test("Ctrl-C reaches the command once, and a script around it ends", async () => {
    const script = "trap 'echo INT' INT; echo ready; while [ ! -e stop ]; do sleep 0.05; done; exit 7";
    const running = home.start("python3", [
      terminal,
      "24",
      "80",
      "panpan",
      "-q",
      "--run",
      "--",
      "sh",
      "-c",
      script,
    ]);
    await eventually(() => running.stdout().includes("ready"));
    running.stdin.write("\u0003");
    await eventually(() => running.stdout().includes("INT"));
    await writeFile(join(home.folder, "stop"), "");
    const ended = await running.ended;
    assert.deepEqual([ended.code, ended.stdout.match(/INT/g)!.length], [7, 1]);
    const loop = "for i in 1 2 3; do panpan -q --run -- sh -c 'echo turn; sleep 60'; done; echo never";
    const looping = home.start("python3", [terminal, "24", "80", "bash", "-c", loop]);
    await eventually(() => looping.stdout().includes("turn"));
    looping.stdin.write("\u0003");
    const { stdout, code } = await looping.ended;
    assert.equal(code, 130);
    assert.doesNotMatch(stdout, /never|turn[^]*turn/);
  });

  test("what is not UTF-8 reaches no command as another word", async () => {
    const word = "$(printf 'caf\\351')";
    const wrong = await home.sh(`panpan --run -- sh -c 'echo started' "${word}"`);
    assert.deepEqual([wrong.code, wrong.stdout], [64, ""]);
    assert.match(wrong.stderr, /is not UTF-8/);
    const warned = await home.sh(`PLACE="${word}" panpan --run -- sh -c 'echo started'`);
    assert.deepEqual([warned.code, warned.stdout], [0, "started\n"]);
    assert.match(warned.stderr, /not UTF-8.*PLACE/);
    const right = await home.sh("panpan -q --run -- printf %s 'caf\uFFFD é'");
    assert.deepEqual([right.code, right.stdout, right.stderr], [0, "caf\uFFFD é", ""]);
  });

  test("environment and umask are those that we were started with", async () => {
    const env = {
      MOUSTASH_STASHED_LD_BIND_NOW: "1",
      MOUSTASH_STASHED_NODE_OPTIONS: "--title=x",
      OWN: "kept",
    };
    const { stdout } = await home.sh("umask 027; panpan -q --run -- sh -c 'umask; env'", { env });
    assert.match(stdout, /^0027\n/);
    for (const line of ["LD_BIND_NOW=1", "NODE_OPTIONS=--title=x", "OWN=kept"])
      assert.match(stdout, new RegExp(`^${line}$`, "m"));
    assert.doesNotMatch(stdout, /STASHED/);
  });

  test("start, heartbeats and end share a run; what was used is told", async () => {
    const memory = 'python3 -c "x = bytearray(150_000_000); [i for i in range(3_000_000)]"';
    const options = ["--start", "--every", "1s", "-m", "nightly", "-p", "job"];
    const work = `${memory}; while [ ! -e heard ]; do sleep 0.05; done`;
    const running = home.start(join(home.folder, "panpan"), ["--run", ...options, "--", "sh", "-c", work]);
    const phases = async () => (await eventsIn(redis)).map(({ panpan }) => panpan.phase);
    await eventually(async () => (await phases()).includes("running"), {
      withinMs: 120_000,
      what: "a heartbeat",
    });
    await writeFile(join(home.folder, "heard"), "");
    assert.equal((await running.ended).code, 0);
    const end = await lastEvent();
    // Beside them may stand what a busy machine made the run before leave on the disk.
    const events = (await eventsIn(redis)).filter(({ panpan }) => panpan.run === end.panpan.run);
    const told = events.map(({ panpan }) => panpan.phase);
    assert.deepEqual([told[0], told[1], told.at(-1)], ["started", "running", "succeeded"]);
    assert.deepEqual(
      events.map(({ moustash }) => moustash.seq),
      events.map((_, index) => index + 1),
    );
    assert.match(end.message, /^nightly succeeded after [\d.]+ m?s$/);
    assert.equal(end.program, "job");
    const {
      duration_ms: durationMs,
      cpu_user_ms: userMs,
      peak_memory_bytes: peak,
    } = end.panpan as Record<string, number>;
    assert.ok(durationMs! >= 200, `${durationMs} ms`);
    assert.ok(userMs! > 10 && userMs! < durationMs!, `${userMs} ms`);
    assert.ok(peak! > 150_000_000 && peak! < 300_000_000, `${peak} bytes`);
  });

  test("secrets in its last lines and words are masked", async () => {
    await run("echo TOKEN=abc123; echo order 4711", ["--mask", "\\d{4}"]);
    const event = JSON.stringify(await lastEvent());
    assert.doesNotMatch(event, /abc123|4711/);
  });

  test("--kill-after ends it and all that it started", async () => {
    const ended = await run("sleep 300 & echo $! >child; wait", ["--kill-after", "300ms"]);
    assert.equal(ended.code, 143);
    const { panpan, message } = await lastEvent();
    assert.equal(panpan.killed, true);
    assert.match(message, /longer than it may/);
    const child = await eventually(async () => Number(await readFile(join(home.folder, "child"), "utf8")));
    await eventually(() => !isAlive(child), { what: "the end of the command's child" });
  });

  test("--kill-after ends also who outlives the command and does not heed SIGTERM", async () => {
    const deaf = "trap '' TERM; echo $$ >deaf; while :; do sleep 1; done";
    const ended = await run(`sh -c "${deaf.replaceAll("$", "\\$")}" & wait`, ["--kill-after", "1s"]);
    assert.equal(ended.code, 143);
    const { panpan } = await lastEvent();
    assert.equal(panpan.killed, true);
    assert.ok(Number(panpan.duration_ms) < 10_000, "the command's own time is told");
    const survivor = Number(await readFile(join(home.folder, "deaf"), "utf8"));
    await eventually(() => !isAlive(survivor), { what: "the end of who did not heed SIGTERM" });
  });

  test("what is due in a month does nothing before", async () => {
    const ended = await run("sleep 0.3; exit 3", ["--kill-after", "30d", "--every", "30d"]);
    assert.equal(ended.code, 3);
    assert.equal((await lastEvent()).panpan.killed, undefined);
    assert.equal((await eventsIn(redis)).length, 1);
  });

  test("--on and --after remember the last runs", { skip: noDisk }, async () => {
    const told = async (line: string, ...options: string[]) => {
      await redis.command("FLUSHALL");
      await run(line, ["-q", ...options]);
      await home.panpan(["--flush", "-q"]);
      return (await eventsIn(redis)).map(({ tags, message }) =>
        message.startsWith("RECOVERED: ") ? "recovered" : tags[2],
      );
    };
    const change = ["--on", "change", "-p", "change", "--after", "2"];
    assert.deepEqual(await told("exit 0", ...change), []);
    assert.deepEqual(await told("exit 1", ...change), []);
    assert.deepEqual(await told("exit 1", ...change), ["failed"]);
    assert.deepEqual(await told("exit 1", ...change), []);
    assert.deepEqual(await told("exit 0", ...change), ["recovered"]);
    assert.deepEqual(await told("exit 0", "--on", "fail", "-p", "fail"), []);
    assert.deepEqual(await told("exit 2", "--on", "fail", "-p", "fail"), ["failed"]);
  });

  test("a broken configuration leaves the options of [Panpan] that are right in force", async () => {
    const config = join(home.folder, "broken.ini");
    await writeFile(config, "[Moustash]\nredis_prot = 1\n[Panpan]\nkill_after = 100ms\n");
    const byFile = await run("sleep 30", [], { env: { MOUSTASH_CONFIG: config } });
    assert.equal(byFile.code, 143, byFile.stderr);
    const env = { PANPAN_LEVEL: "zzz", PANPAN_KILL_AFTER: "100ms" };
    const byVariable = await run("sleep 30", [], { env });
    assert.equal(byVariable.code, 143, byVariable.stderr);
    assert.match(byVariable.stderr, /nobody will be told: PANPAN_LEVEL: .*; level is not in force$/m);
    const wrong = await run("exit 3", [], { env: { PANPAN_KILL_AFTER: "soon" } });
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /kill_after is not in force/);
  });

  test("wrong usage is said before it starts, also where the configuration is broken", async () => {
    const env = { MOUSTASH_REDIS_DB: "x" };
    for (const [options, reason] of [
      [["--field", "message=1"], /not yours to set/],
      [["--dry-run"], /--dry-run shows messages and sends nothing, --run does more/],
    ] as const) {
      for (const more of [{}, { env }]) {
        const ended = await run("echo RAN", options, more);
        assert.deepEqual([ended.code, ended.stdout], [64, ""]);
        assert.match(ended.stderr, reason);
      }
    }
    const byVariable = await run("echo RAN", [], { env: { PANPAN_DRY_RUN: "on" } });
    assert.deepEqual([byVariable.code, byVariable.stdout], [64, ""]);
    assert.match(byVariable.stderr, /PANPAN_DRY_RUN shows messages/);
    const flushed = await home.panpan(["--dry-run", "--flush"]);
    assert.equal(flushed.code, 64);
    const stdout = await run("echo RAN", [], { env: { ...env, MOUSTASH_TRANSPORT: "stdout" } });
    assert.deepEqual([stdout.code, stdout.stdout], [78, ""]);
  });

  test("a broken configuration is a warning, and the command runs", async () => {
    const env = { MOUSTASH_TRANSPORT: "pigeon", MOUSTASH_REDIS_PORT: "x" };
    const { code, stdout, stderr } = await run("echo ran; exit 4", [], { env });
    assert.deepEqual([code, stdout], [4, "ran\n"]);
    assert.match(stderr, /^panpan: the command runs, but nobody will be told: .*pigeon/m);
    assert.equal(
      (await home.panpan(["--config", "/nowhere.ini", "--run", "--", "sh", "-c", "exit 4"])).code,
      4,
    );
  });

  test("wrong usage is said before it starts", async () => {
    const made = join(home.folder, "made");
    for (const option of [["--no-such"], ["--on", "monday"], ["-f", "a=1", "-f", "a.b=2"], ["word"]]) {
      const ended = await home.panpan(["--run", ...option, "--", "touch", made]);
      assert.equal(ended.code, 64, ended.stderr);
    }
    await assert.rejects(stat(made), { code: "ENOENT" });
  });

  test(
    "the broker away or hanging, the disk full or none: the code is the same",
    { skip: noDisk },
    async (t) => {
      await using slow = await startRedis();
      slow.stop();
      const away = { MOUSTASH_REDIS_PORT: await freePort() };
      const hanging = { MOUSTASH_REDIS_PORT: slow.port };
      const spooled = /^panpan: spooled, delivery pending\n$/;
      const lost = /^panpan: sh is not told of: .*no disk to spool on\n$/;
      const cases: readonly [name: string, says: RegExp, env: Record<string, string | number>][] = [
        ["all well", /^(panpan: spooled, delivery pending\n)?$/, {}],
        ["broker away", spooled, away],
        ["broker hanging", spooled, hanging],
        [
          "broker away, disk full",
          /^panpan: sh is not told of: .*full.*\n$/,
          { ...away, MOUSTASH_SPOOL_MAX_BYTES: "1KB", PANPAN_FIELD: `pad=${"x".repeat(1024)}` },
        ],
        ["broker away, no disk", lost, { ...away, MOUSTASH_SPOOL: "none" }],
        ["broker hanging, no disk", lost, { ...hanging, MOUSTASH_SPOOL: "none" }],
      ];
      for (const [name, says, env] of cases) {
        await using own = await openPanpan({
          MOUSTASH_REDIS_PORT: redis.port,
          MOUSTASH_REDIS_IP: "127.0.0.1",
          ...env,
        });
        const times: number[] = [];
        for (let turn = 0; turn < 3; turn += 1) {
          const startedMs = performance.now();
          const { code, stdout, stderr } = await own.panpan(["--run", "--", "sh", "-c", "echo out; exit 3"]);
          times.push(performance.now() - startedMs);
          assert.deepEqual([code, stdout], [3, "out\n"]);
          assert.match(stderr, says, name);
        }
        t.diagnostic(`${name}: ${Math.round(times.toSorted((a, b) => a - b)[1]!)} ms in all (median of 3)`);
      }
      slow.resume();
    },
  );

  test("as process 1 it reaps who lost its parent", { skip: whyNoNamespace() }, async () => {
    // Who is dead and not waited for still has a folder in /proc; in the end it holds PanPan and this shell.
    const script = join(home.folder, "orphans.sh");
    await writeFile(
      script,
      `for i in 1 2 3 4 5; do (sh -c : &); done
tries=0
until set -- /proc/[0-9]*; [ $# -le 2 ]; do
  tries=$((tries+1)); [ $tries -gt 600 ] && exit 9
  sleep 0.1
done
exit 4
`,
    );
    const { code } = await home.sh(`unshare --pid --fork --mount-proc panpan -q --run -- sh ${script}`);
    assert.equal(code, 4);
  });

  test("as process 1, SIGTERM reaches the command", { skip: whyNoNamespace() }, async () => {
    const running = home.start("unshare", [
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      "panpan",
      "-q",
      "--run",
      "--",
      "sh",
      "-c",
      "trap 'exit 8' TERM; echo ready; while :; do sleep 0.1; done",
    ]);
    await eventually(() => running.stdout() === "ready\n");
    process.kill(await childOf(running.pid), "SIGTERM");
    assert.equal((await running.ended).code, 8);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function whyNoNamespace(): string | false {
  return process.getuid?.() === 0 ? false : "a process namespace of our own needs root";
}
