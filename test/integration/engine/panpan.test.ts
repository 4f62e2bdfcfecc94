// PanPan's image and its copied program as users run them: in pipes, without a disk, as process 1 of another image.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { baseImage } from "../../../scripts/base-images.ts";
import { buildStack } from "../../../scripts/stack.ts";
import { docker, eventually, hardened, noEngine, removeAll, testName } from "./docker.ts";

const image = "moustash/panpan:latest";

describe("panpan in containers", { skip: noEngine }, () => {
  const name = testName("panpan");
  const label = `moustash-test=${name}`;
  const volume = `${name}-spool`;
  const where = [
    "--network",
    name,
    "--hostname",
    "hulk",
    "--label",
    label,
    "--env",
    "MOUSTASH_REDIS_IP=redis",
  ];

  before(async () => {
    await removeAll(label);
    await docker("network", "create", "--label", label, name);
    const server = ["redis-server", "--bind", "* -::*", "--protected-mode", "no", "--save", ""];
    const place = ["--name", name, "--network", name, "--network-alias", "redis", "--label", label];
    await docker("run", "--detach", ...place, await baseImage("redis"), ...server);
    await eventually("redis answers", async () => ((await redis("ping")) === "PONG" ? true : undefined));
  });
  after(async () => {
    await removeAll(label);
    spawnSync("docker", ["volume", "rm", "--force", volume]);
    spawnSync("docker", ["image", "rm", "--force", name]);
  });

  const redis = (...command: string[]) => docker("exec", name, "redis-cli", ...command);

  function run(words: readonly string[], options: readonly string[] = [], input?: string) {
    const args = ["run", "--rm", ...where, ...hardened, ...options, image, ...words];
    return spawnSync("docker", args, {
      encoding: "utf8",
      timeout: 120_000,
      ...(input !== undefined && { input }),
    });
  }

  async function events(): Promise<Record<string, unknown>[]> {
    const list = await redis("lrange", "logstash:moustash", "0", "-1");
    await redis("del", "logstash:moustash");
    return list
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test("in a pipe: one event for each line", async () => {
    const { status, stderr } = run(["-p", "pipe"], ["--interactive"], "one\ntwo\n");
    deepEqual([status, stderr], [0, ""]);
    deepEqual(
      (await events()).map(({ message }) => message),
      ["one", "two"],
    );
  });

  test("without a message: 64, and where the help is", () => {
    const { status, stderr } = run([]);
    equal(status, 64);
    match(stderr, /there is no message.*\n?.*--help/);
  });

  test("without a disk and a broker: 69, and what to mount", () => {
    const { status, stderr } = run(["hi"], ["--env", "MOUSTASH_REDIS_PORT=1"]);
    equal(status, 69);
    match(stderr, /mount a volume on \/var\/lib\/moustash/);
  });

  test("with a volume the next container delivers what this one could not", async () => {
    const disk = ["--volume", `${volume}:/var/lib/moustash`];
    const away = run(["kept"], [...disk, "--env", "MOUSTASH_REDIS_PORT=1"]);
    deepEqual([away.status, away.stderr], [0, "panpan: spooled, delivery pending\n"]);
    equal(run(["next"], disk).status, 0);
    equal(run(["--flush"], disk).status, 0);
    deepEqual(new Set((await events()).map(({ message }) => message)), new Set(["kept", "next"]));
  });

  describe("the program copied into another image", () => {
    const panpan = "/opt/moustash/bin/panpan";
    /** Runs a script in the demo image, into which /opt/moustash was copied. */
    function script(text: string, options: readonly string[] = []) {
      const args = ["run", "--rm", ...where, ...hardened, "--tmpfs", "/tmp", ...options];
      return spawnSync("docker", [...args, "moustash/demo:latest", "bash", "-c", text], {
        encoding: "utf8",
        timeout: 120_000,
      });
    }
    const said = async () => (await events()).map(({ message }) => message);
    const details = async () => (await events()).map(({ panpan: own }) => own as Record<string, unknown>);

    before(() => buildStack());

    test("as from cron: no HOME, no PATH, no terminal, nothing on standard input", async () => {
      const bare = `env -i MOUSTASH_REDIS_IP=redis ${panpan}`;
      equal(script(`cd / && ${bare} 'the night is over' < /dev/null`).status, 0);
      equal(script(`cd / && ${bare} --run -- /bin/false < /dev/null`).status, 1);
      deepEqual((await said())[0], "the night is over");
    });

    test("under timeout(1): the command ends, and its end is told", async () => {
      const { status } = script(`timeout 2 ${panpan} --run -- sleep 600`);
      equal(status, 124);
      const [end] = await details();
      equal(end!["signal"], "SIGTERM");
    });

    for (const [signal, code] of [
      ["HUP", 129],
      ["INT", 130],
      ["QUIT", 131],
      ["USR1", 138],
      ["TERM", 143],
    ] as const)
      test(`kill -${signal}: it reaches the command, and the code says so`, async () => {
        const command = `bash -c 'trap - ${signal}; echo up > /tmp/up; exec sleep 600'`;
        const waiting = "timeout 60 sh -c 'until [ -e /tmp/up ]; do sleep 0.1; done'; sleep 0.5";
        const { status, stderr } = script(
          `set -m; ${panpan} --run -- ${command} & ${waiting}; kill -${signal} $!; wait $!`,
        );
        equal(status, code, stderr);
        const [end] = await details();
        equal(end!["signal"], `SIG${signal}`);
      });

    test("kill -KILL of the command: 137", async () => {
      equal(script(`${panpan} --run -- bash -c 'kill -KILL $$'`).status, 137);
      equal((await details())[0]!["signal"], "SIGKILL");
    });

    test("on a terminal the command has it, and without one it has none", async () => {
      const here = `${panpan} --run -- bash -c 'test -t 0 && test -t 1 && stty size'`;
      const onTerminal = `python3 -c "import pty, sys; sys.exit(pty.spawn(['bash', '-c', sys.argv[1]]) >> 8)" "stty rows 33 cols 101; ${here}"`;
      const { status, stdout } = script(onTerminal);
      deepEqual([status, stdout.trim()], [0, "33 101"]);
      equal(script(`${here} < /dev/null`).status, 1);
      equal((await events()).length, 2);
    });
  });

  test("as process 1 of another image: signals, orphans, variables, and its server's own code", async () => {
    const folder = "test/integration/engine/wrapped";
    await docker(
      "build",
      "--quiet",
      "--tag",
      name,
      "--build-arg",
      `BASE_IMAGE=${await baseImage("debian")}`,
      folder,
    );
    const variables = ["--env", "LD_BIND_NOW=1", "--env", "NODE_OPTIONS=--title=theirs"];
    const server = `${name}-server`;
    await docker("run", "--detach", "--name", server, ...where, ...variables, name);
    await eventually("the server is ready", async () => {
      const log = await docker("logs", server);
      return log.includes("ready") ? true : undefined;
    });
    match(await docker("logs", server), /^LD_BIND_NOW=1 NODE_OPTIONS=--title=theirs umask=0022$/m);
    await eventually("no orphan is left", async () => {
      const states = await docker("exec", server, "sh", "-c", "cat /proc/[0-9]*/status | grep ^State:");
      return states.includes("Z") ? undefined : true;
    });
    await docker("stop", "--time", "30", server);
    equal(await docker("inspect", "--format", "{{.State.ExitCode}}", server), "5");
    match(await docker("logs", server), /ending$/m);
    const [start, end] = await events();
    deepEqual(start!.tags, ["panpan", "server", "started"]);
    deepEqual(end!.tags, ["panpan", "server", "failed", "notification"]);
    const details = end!.panpan as Record<string, unknown>;
    equal(details.exit_code, 5);
    equal((details.stdout as string[]).at(-1), "ending");
  });
});
