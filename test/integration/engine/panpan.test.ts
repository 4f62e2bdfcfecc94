// PanPan's image and its copied program as users run them: in pipes, without a disk, as process 1 of another image.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { baseImage } from "../../../scripts/base-images.ts";
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
    return spawnSync("docker", args, { encoding: "utf8", ...(input !== undefined && { input }) });
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
