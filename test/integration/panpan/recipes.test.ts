// Runs each recipe of docs/PANPAN.md as it stands there, with stubs for what the reader brings.
import assert from "node:assert/strict";
import { appendFile, chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type PanpanHome, eventsIn, openPanpan, whyNoDisk } from "../../servers/panpan.ts";
import { type RedisServer, startRedis } from "../../servers/redis.ts";
import { childOf, eventually } from "../../servers/server.ts";

const page = await readFile(join(import.meta.dirname, "../../../docs/PANPAN.md"), "utf8");
const recipes = new Map(
  [...page.matchAll(/<!-- recipe: (.+) -->\n```\w+\n([^]*?)```/g)].map(([, name, text]) => [name!, text!]),
);
const noDisk = await whyNoDisk();

describe("the recipes of docs/PANPAN.md", { timeout: 300_000 }, () => {
  const done = new Set<string>();
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

  /** The text of the page, with our places for the reader's. */
  function recipe(name: string): string {
    const text = recipes.get(name);
    assert.ok(text, `docs/PANPAN.md has no recipe "${name}"`);
    done.add(name);
    return text
      .replaceAll("/opt/moustash/bin", home.folder)
      .replaceAll("/usr/local/etc/moustash", home.folder)
      .replaceAll("/var/log", home.folder);
  }

  async function stub(name: string, script: string) {
    const path = join(home.folder, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }

  const told = async () => {
    await home.panpan(["--flush", "-q"]);
    return (await eventsIn(redis)).map(({ message }) => message.replace(/ after .*/, ""));
  };

  test("cron", { skip: noDisk }, async () => {
    await writeFile(
      join(home.folder, "moustash.ini"),
      `[Moustash]\nredis_ip: 127.0.0.1\nredis_port: ${redis.port}\nspool: ${home.spool}\naccept_within: 30s\n`,
    );
    const lines = recipe("cron").trim().split("\n");
    const variables = lines.filter((line) => /^\w+=/.test(line));
    const job = lines.at(-1)!.split(" ").slice(5).join(" ");
    const night = async (script: string) => {
      await stub("backup.sh", script);
      return await home.sh(
        `env -i SHELL=/bin/sh LOGNAME=root ${variables.join(" ")} /bin/sh -c '${job}' </dev/null`,
      );
    };
    assert.equal((await night("exit 0")).code, 0);
    assert.equal((await night("echo no space left >&2; exit 3")).code, 3);
    assert.equal((await night("exit 3")).code, 3);
    assert.equal((await night("exit 0")).code, 0);
    assert.deepEqual(await told(), ["backup failed: exit code 3", "RECOVERED: backup succeeded"]);
  });

  test("deploy", async () => {
    const script = await stub("deploy", recipe("deploy"));
    await stub("deploy.sh", "exit 0");
    assert.equal((await home.sh(`${script} 1.4`)).code, 0);
    assert.deepEqual(await told(), ["deploying 1.4", "deployed 1.4"]);
    await redis.command("FLUSHALL");
    await stub("deploy.sh", "exit 9");
    assert.equal((await home.sh(`${script} 1.5`)).code, 9);
    assert.deepEqual(await told(), ["deploying 1.5", "deploy of 1.5 failed"]);
    const last = (await eventsIn(redis)).at(-1)!;
    assert.deepEqual([last.tags, last.version], [["panpan", "deploy", "error", "notification"], "1.5"]);
  });

  test("entrypoint", async () => {
    const text = recipe("entrypoint");
    const words = (name: string) => JSON.parse(new RegExp(`^${name} (.*)$`, "m").exec(text)![1]!) as string[];
    const [program, ...args] = [...words("ENTRYPOINT"), ...words("CMD")];
    await stub("server.sh", `echo "$@"; trap 'exit 5' TERM; while :; do sleep 0.1; done`);
    const root = process.getuid?.() === 0;
    const inNamespace = ["--pid", "--fork", "--kill-child", "--mount-proc", program!, ...args];
    const running = root ? home.start("unshare", inNamespace) : home.start(program!, args);
    await eventually(() => running.stdout() === "--port 8080\n");
    process.kill(root ? await childOf(running.pid) : running.pid, "SIGTERM");
    assert.equal((await running.ended).code, 5);
    assert.deepEqual(await told(), ["server started", "server failed: exit code 5"]);
  });

  test("ci", async () => {
    const step = /run: \|\n([^]*)/.exec(recipe("ci"))![1]!;
    await stub("make-test.sh", "echo ok; exit 2");
    const env = { GITHUB_ACTIONS: "true", GITHUB_SHA: "abc", GITHUB_REF_NAME: "main", GITHUB_JOB: "test" };
    assert.equal((await home.sh(step, { env })).code, 2);
    assert.deepEqual(await told(), ["ci failed: exit code 2"]);
    const [event] = await eventsIn(redis);
    const context = event!.panpan.context as Record<string, Record<string, string>>;
    assert.deepEqual([event!.suite, context.git!.commit, context.ci!.job], ["unit", "abc", "test"]);
  });

  test("health check", { skip: noDisk }, async () => {
    const words = JSON.parse(/test: (\[.*\])/.exec(recipe("health check"))![1]!) as string[];
    assert.equal(words.shift(), "CMD");
    const [program, ...args] = words;
    const check = async (code: number) => {
      await stub("check.sh", `exit ${code}`);
      assert.equal(
        (await home.start(program!, args, { stdio: ["ignore", "pipe", "pipe"] }).ended).code,
        code,
      );
    };
    for (const code of [0, 1, 0, 1, 1, 1, 1, 0, 0]) await check(code);
    assert.deepEqual(await told(), ["web failed: exit code 1", "RECOVERED: web succeeded"]);
  });

  test("log", async () => {
    const log = join(home.folder, "app.log");
    await writeFile(log, "old\n");
    const running = home.start("/bin/sh", ["-c", recipe("log")]);
    // tail has the end of the file once panpan hears a line.
    let count = 0;
    await eventually(async () => {
      await appendFile(log, `line ${(count += 1)}\n`);
      return (await eventsIn(redis)).length > 0;
    });
    const [event] = await eventsIn(redis);
    assert.deepEqual([event!.program, event!.tags, event!.file], ["app", ["panpan", "app", "log"], log]);
    process.kill(await childOf(running.pid), "SIGTERM");
    assert.equal((await running.ended).code, 0);
    assert.match((await told())[0]!, /^line \d+$/);
  });

  test("no recipe is left out", { skip: noDisk }, () => {
    assert.deepEqual([...done].toSorted(), [...recipes.keys()].toSorted());
  });
});
