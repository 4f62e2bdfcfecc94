// PanPan's forms against a real Redis: words, options, standard input, terminals and environments that lack things.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type PanpanHome, eventsIn, openPanpan } from "../../servers/panpan.ts";
import { type RedisServer, startRedis } from "../../servers/redis.ts";
import { eventually } from "../../servers/server.ts";

const terminal = join(import.meta.dirname, "../../servers/terminal.py");

describe("panpan", { timeout: 600_000 }, () => {
  let redis: RedisServer;
  let home: PanpanHome;
  before(async () => {
    redis = await startRedis();
    // Without a disk the broker has to hear each, however busy the machine is.
    home = await openPanpan({
      MOUSTASH_REDIS_PORT: redis.port,
      MOUSTASH_SPOOL: "none",
      PANPAN_TIMEOUT: "60s",
    });
  });
  after(async () => {
    await home[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });
  beforeEach(() => redis.command("FLUSHALL"));

  async function sends(...args: readonly string[]) {
    const { code, stdout, stderr } = await home.panpan(args);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
    const [event, ...rest] = await eventsIn(redis);
    assert.equal(rest.length, 0);
    return event!;
  }

  test("the original's four words", async () => {
    const event = await sends("disk full", "backup", "web-2", "True");
    const { message, program, source, host, type, tags, moustash } = event;
    assert.deepEqual(
      { message, program, source, host, type, tags, notify: moustash.notify },
      {
        message: "disk full",
        program: "backup",
        source: "web-2",
        host: "web-1",
        type: "panpan",
        tags: ["panpan", "backup", "notification"],
        notify: true,
      },
    );
    assert.equal(event["@version"], 1);
    assert.match(event["@timestamp"] as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("every option", async () => {
    const options =
      "-p deploy -s ci -t blue -t canary -l warn -n --type ops -f version=1.4 -f took:=12.5 -f user.name=é " +
      "-f labels.team=web --file /srv/x --id deploy-1 --";
    const event = await sends(...options.split(" "), "-rolled back");
    assert.equal(event.message, "-rolled back");
    assert.deepEqual(event.tags, ["panpan", "deploy", "warning", "blue", "canary", "notification"]);
    assert.equal(event.moustash.id, "deploy-1");
    assert.deepEqual(
      [event.source, event.type, event.file, event.version, event.took, event.user, event.labels],
      ["ci", "ops", "/srv/x", "1.4", 12.5, { name: "é" }, { team: "web" }],
    );
    assert.deepEqual(event.panpan, { summary: "-rolled back", level: "warning" });
  });

  test("-n takes no word away from the message", async () => {
    assert.equal((await sends("-n", "off")).message, "off");
  });

  test("a bare word is the message, whatever the word; -m is the same", async () => {
    assert.equal((await sends("help")).message, "help");
    await redis.command("FLUSHALL");
    assert.equal((await sends("-m", "version")).message, "version");
  });

  test("options come from variables too, and words win", async () => {
    const env = {
      PANPAN_PROGRAM: "env",
      PANPAN_TAG: "a\nb",
      PANPAN_FIELD: "x=1, 2\ny:=3",
      PANPAN_SOURCE: "there",
    };
    assert.equal((await home.panpan(["hi"], { env })).code, 0);
    assert.equal((await home.panpan(["hi", "word", "here", "False"], { env })).code, 0);
    const [first, second] = await eventsIn(redis);
    assert.deepEqual([first!.tags, first!.x, first!.y], [["panpan", "env", "a", "b"], "1, 2", 3]);
    assert.deepEqual([second!.program, second!.source], ["word", "here"]);
  });

  test("with a message, standard input is not read", async () => {
    const running = home.start("/bin/sh", ["-c", "panpan hello; cat"], {});
    await eventually(async () => (await eventsIn(redis)).length === 1);
    running.stdin.end("left alone");
    assert.equal((await running.ended).stdout, "left alone");
  });

  test("lines as they come, in order", async () => {
    const running = home.start("/bin/sh", ["-c", "panpan -p tail"], {});
    for (const [index, line] of ["one", "two", "three"].entries()) {
      running.stdin.write(`${line}\n`);
      await eventually(async () => (await eventsIn(redis)).length === index + 1, {
        what: `line ${line} in Redis`,
      });
    }
    running.stdin.end("last, without a line end");
    assert.equal((await running.ended).code, 0);
    const events = await eventsIn(redis);
    assert.deepEqual(
      events.map(({ message }) => message),
      ["one", "two", "three", "last, without a line end"],
    );
    assert.deepEqual(
      events.map(({ moustash }) => moustash.seq),
      [1, 2, 3, 4],
    );
  });

  test("all of the input as one event", async () => {
    assert.equal((await home.panpan(["--whole"], { input: "a\nb\n" })).code, 0);
    assert.deepEqual(
      (await eventsIn(redis)).map(({ message }) => message),
      ["a\nb"],
    );
  });

  test("nothing to say is nothing sent", async () => {
    for (const input of ["", "\n \n"]) assert.equal((await home.panpan([], { input })).code, 0);
    assert.deepEqual(await eventsIn(redis), []);
  });

  test("bytes that are no text, NULs and 100 MB without a line end", async () => {
    const input = Buffer.concat([Buffer.from([0xff, 0x00, 0x41, 0x0a]), Buffer.alloc(100 * 2 ** 20, 0x61)]);
    const { code, stderr } = await home.panpan([], { input });
    assert.equal(code, 0);
    assert.match(stderr, /^panpan: a message of \d+ bytes was cut to fit max_event_bytes/);
    const [first, second] = await eventsIn(redis);
    assert.equal(first!.message, "\uFFFD\u0000A");
    assert.equal(first!.panpan.not_utf8, true);
    assert.equal(second!.panpan.cut_from_bytes, 100 * 2 ** 20);
    const bytes = Buffer.byteLength((await redis.list("logstash:moustash"))[1]!);
    assert.ok(bytes <= 2 ** 20 && bytes > 2 ** 20 - 100, `${bytes} bytes`);
  });

  test("objects: the wrong line is named, those before it are sent, --keep-going sends the rest", async () => {
    const input = [...Array(12).keys()]
      .map((index) => (index === 6 ? '{"message":' : JSON.stringify({ message: `m${index + 1}`, n: index })))
      .join("\n");
    const stops = await home.panpan(["--json"], { input });
    assert.equal(stops.code, 65);
    assert.match(stops.stderr, /^panpan: line 7: no JSON: .+\n$/);
    assert.equal((await eventsIn(redis)).length, 6);
    await redis.command("FLUSHALL");
    const goes = await home.panpan(["--json", "--keep-going"], { input });
    assert.equal(goes.code, 65);
    assert.match(goes.stderr, /^panpan: line 7: .+\n$/);
    assert.deepEqual(
      (await eventsIn(redis)).map(({ message }) => message),
      [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12].map((number) => `m${number}`),
    );
  });

  test("what is said on the command line wins over the environment", async () => {
    const env = { PANPAN_MESSAGE: "foo", PANPAN_WHOLE: "on", MOUSTASH_REDIS_URL: "redis://127.0.0.1:1/0" };
    const address = ["--redis-ip", "127.0.0.1", "--redis-port", String(redis.port)];
    const { code, stderr } = await home.panpan([...address, "bar"], { env });
    assert.equal(code, 0, stderr);
    assert.equal((await eventsIn(redis)).at(-1)?.message, "bar");
  });

  test("--json-output says where it is", async () => {
    const { stdout } = await home.panpan(["--json-output", "hi"]);
    const said = JSON.parse(stdout) as Record<string, unknown>;
    const [event] = await eventsIn(redis);
    assert.equal(said.id, event!.moustash.id);
    assert.deepEqual([said.at, said.events, said.list_length, said.exit_code], ["broker", 1, 1, 0]);
    assert.equal(typeof said.ms, "number");
  });

  test("a list that nobody reads is worth a word on a terminal", async () => {
    await redis.command("RPUSH", "logstash:moustash", ...Array.from({ length: 12_399 }, () => "{}"));
    const { code, stdout } = await home.start("python3", [terminal, "24", "80", "panpan", "hi"]).ended;
    assert.deepEqual([code, stdout], [0, "panpan: 12,400 waiting: is Logstash reading?\r\n"]);
    assert.equal((await home.panpan(["hi"])).stderr, "");
  });

  test("format = ecs: no text where ECS has an object", async () => {
    await home.panpan([
      "--format",
      "ecs",
      "-p",
      "shop",
      "--file",
      "/x",
      "-f",
      "file.size:=3",
      "-l",
      "error",
      "hi",
    ]);
    const [event] = (await eventsIn(redis)) as unknown as Record<string, Record<string, unknown>>[];
    assert.deepEqual(
      [event!.host, event!.service, event!.file],
      [{ name: "web-1" }, { name: "shop" }, { size: 3 }],
    );
    assert.equal(event!.event!.outcome, "failure");
    assert.equal(event!.source, undefined);
  });

  test("--dry-run prints the exact bytes and sends nothing", async () => {
    const dry = await home.panpan(["--dry-run", "--id", "x", "hi"]);
    assert.match(
      dry.stderr,
      new RegExp(`^panpan: this event of \\d+ bytes would go to redis://.*${redis.port}`),
    );
    assert.deepEqual(await eventsIn(redis), []);
    await home.panpan(["--id", "x", "hi"]);
    const [sent] = await redis.list("logstash:moustash");
    const same = (body: string) => body.replace(/"@timestamp":"[^"]*"|"run":"[^"]*"/g, "");
    assert.equal(same(dry.stdout.trimEnd()), same(sent!));
    const lines = await home.panpan(["--dry-run", "-q"], { input: "a\nb\n" });
    assert.equal(lines.stdout.trimEnd().split("\n").length, 2);
    assert.equal(lines.stderr, "");
  });

  test("--explain shows the event and a Logstash input for this configuration", async () => {
    const { code, stdout } = await home.panpan(["--explain", "-n"]);
    assert.equal(code, 0);
    assert.match(stdout, /"tags": \[\s+"panpan",\s+"notification"\s+\]/);
    assert.match(stdout, new RegExp(`redis \\{\\s+host +=> "localhost"\\s+port +=> ${redis.port}\\s`));
    assert.match(stdout, /key +=> "logstash:moustash"/);
    assert.deepEqual(await eventsIn(redis), []);
  });

  test("--context tells what is known, and nothing else of the environment", async () => {
    const env = {
      GITHUB_ACTIONS: "true",
      GITHUB_SHA: "abc",
      GITHUB_JOB: "test",
      SECRET: "hunter2",
      COMPOSE_SERVICE: "web",
    };
    await home.panpan(["--context", "hi"], { env });
    const [event] = await eventsIn(redis);
    const context = event!.panpan.context as Record<string, Record<string, string>>;
    assert.deepEqual(
      [context.git!.commit, context.ci!.job, context.compose!.service],
      ["abc", "test", "web"],
    );
    assert.doesNotMatch(JSON.stringify(event), /hunter2/);
  });

  test("no message on a terminal: one line and 64, not a hang", async () => {
    const running = home.start("python3", [terminal, "24", "80", "panpan"]);
    const { code, stdout } = await running.ended;
    assert.equal(code, 64);
    assert.match(stdout, /there is no message; panpan --help shows how/);
  });

  test("no standard input at all", async () => {
    for (const line of ["panpan </dev/null", "panpan <&-", "panpan </"]) {
      const { code, stderr } = await home.sh(line);
      assert.equal(code, 64, line);
      assert.match(stderr, /there is no message/);
    }
  });

  test("an environment like cron's: no HOME, no terminal, hardly a PATH", async () => {
    const { code, stderr } = await home.sh(
      `env -i PATH="$PATH" MOUSTASH_CONFIG=none MOUSTASH_SPOOL="$MOUSTASH_SPOOL" MOUSTASH_REDIS_PORT=${redis.port} panpan "from cron" </dev/null`,
    );
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal((await eventsIn(redis))[0]!.message, "from cron");
  });

  test("standard output that is closed, full or not read", async () => {
    assert.equal((await home.sh("panpan --json-output hi >&-")).code, 0);
    assert.equal(
      (await home.sh("{ panpan --json-output hi; echo $? >code; } | true; cat code")).stdout,
      "0\n",
    );
    const lines = await home.sh("yes | head -n 200000 | panpan --dry-run | head -n 1 | wc -l");
    assert.deepEqual([lines.code, lines.stdout.trim()], [0, "1"]);
    assert.equal((await eventsIn(redis)).length, 2);
  });

  test("a file as standard input, and a configuration file", async () => {
    await writeFile(join(home.folder, "lines"), "from a file\n");
    await writeFile(
      join(home.folder, "moustash.ini"),
      `[Moustash]\ntransport: redis\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\n[Panpan]\nprogram: filed\n`,
    );
    const { code } = await home.sh("env -u MOUSTASH_REDIS_PORT panpan --config moustash.ini <lines");
    assert.equal(code, 0);
    const [event] = await eventsIn(redis);
    assert.deepEqual([event!.message, event!.program], ["from a file", "filed"]);
  });

  test("SIGTERM while lines come: what was read is sent, the code says that it was cut short", async () => {
    const running = home.start(join(home.folder, "panpan"), ["-p", "cut"]);
    running.stdin.write("one\ntwo");
    await eventually(async () => (await eventsIn(redis)).length === 1);
    running.kill("SIGTERM");
    assert.equal((await running.ended).code, 143);
  });

  test("SIGTERM while the broker is slow: each line was read and is sent, or is still in the pipe", async () => {
    const script = `mkfifo fifo; seq 60000 >fifo & echo $! >writer; exec 3<fifo
      panpan -q -p cut <&3 & echo $! >reader; wait $!; echo $?; cat <&3 >rest`;
    redis.stop();
    const running = home.start("bash", ["-c", script], { env: { MOUSTASH_ACCEPT_WITHIN: "30s" } });
    const numberIn = async (name: string, pattern = /(\d+)\n/) =>
      Number(pattern.exec(await readFile(name, "utf8"))?.[1]);
    try {
      // What is under way, what the stream holds, and a pipe that is full.
      await eventually(async () => {
        const writer = await numberIn(join(home.folder, "writer"));
        return (await numberIn(`/proc/${writer}/io`, /wchar: (\d+)/)) > 190_000;
      });
      process.kill(await numberIn(join(home.folder, "reader")), "SIGTERM");
    } finally {
      redis.resume();
    }
    assert.equal((await running.ended).stdout, "143\n");
    const sent = (await eventsIn(redis)).map(({ message }) => message).join("");
    const rest = (await readFile(join(home.folder, "rest"), "utf8")).replaceAll("\n", "");
    const all = Array.from({ length: 60_000 }, (_, index) => index + 1).join("");
    assert.ok(`${sent}${rest}` === all, `${sent.length} of ${all.length} were sent, ${rest.length} are left`);
  });

  test("wrong fields are named", async () => {
    for (const [args, message] of [
      [["-f", "a=1", "-f", "a.b=2", "m"], /a= and a\.b= cannot both be set/],
      [["-f", "message=x", "m"], /--field message= is not yours/],
      [["-f", "event=x", "m"], /ECS/],
      [["-p", "x", "-p", "y", "m"], /-p is given twice/],
      [["--level", "loud", "m"], /"loud" is unknown/],
    ] as const) {
      const { code, stderr } = await home.panpan(args);
      assert.equal(code, 64, stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual(await eventsIn(redis), []);
  });
});
