// The three images as they are shipped: what they hold, how they start, and that they work copied into other bases.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { baseImage } from "../../../scripts/base-images.ts";
import { tools } from "../../../scripts/images.ts";
import { docker, eventually, hardened, noEngine, removeAll, testName } from "./docker.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

interface Inspected {
  RootFS: { Layers: string[] };
  Config: {
    User: string;
    Entrypoint: string[];
    Volumes?: Record<string, unknown>;
    Labels: Record<string, string>;
    Healthcheck?: { Test: string[] };
  };
}

async function inspect(tool: string): Promise<Inspected> {
  return (JSON.parse(await docker("image", "inspect", `moustash/${tool}:latest`)) as [Inspected])[0];
}

describe("the images", { skip: noEngine }, () => {
  for (const tool of tools)
    test(`${tool} says its version without rights, network or a disk to write`, async () => {
      const words = [
        "run",
        "--rm",
        "--network",
        "none",
        ...hardened,
        `moustash/${tool}:${version}`,
        "--version",
      ];
      match(await docker(...words), new RegExp(`\\b${version}\\b`));
    });

  test("share their layers: a host stores them once", async () => {
    const layers = await Promise.all(tools.map(async (tool) => (await inspect(tool)).RootFS.Layers.join()));
    equal(new Set(layers).size, 1);
  });

  for (const tool of tools)
    test(`${tool} tells who it is and runs as nobody in particular`, async () => {
      const { Config } = await inspect(tool);
      equal(Config.User, "65532:65532");
      deepEqual(Config.Entrypoint, [`/opt/moustash/bin/${tool}`]);
      equal(Object.keys(Config.Volumes ?? {}).length, 0);
      const health = tool === "panpan" ? undefined : ["CMD", `/opt/moustash/bin/${tool}`, "--health"];
      deepEqual(Config.Healthcheck?.Test, health);
      const label = (name: string) => Config.Labels[`org.opencontainers.image.${name}`];
      match(label("title")!, /^Moustash /);
      equal(label("version"), version);
      equal(label("licenses"), "MIT");
      match(label("created")!, /^\d{4}-\d\d-\d\dT/);
      for (const name of ["description", "revision", "vendor"]) equal(typeof label(name), "string");
    });

  test("start from code that was compiled when they were built", async () => {
    const program = `
      process.argv.splice(1, 0, "start", "panpan", "--version");
      const start = () => require("/opt/moustash/lib/start.cjs");
      process.on("exit", () => console.log("refused:", start().script.cachedDataRejected));
      start();`;
    const lines = readFileSync("images/launcher/flags", "utf8").split("\n");
    const [, ...flags] = lines.find((line) => line.startsWith("panpan "))!.split(" ");
    const node = ["--entrypoint", "/opt/moustash/libexec/node", "moustash/panpan:latest", ...flags];
    match(await docker("run", "--rm", ...node, "--eval", program), /refused: false$/);
  });

  test("tell a daemon's allocator to keep little, whatever it was told before", async () => {
    const said = ["--env", "MALLOC_ARENA_MAX=8", "--env", "CUIR_PROBES=Self: 127.0.0.1:9797:itself"];
    const container = await docker("run", "--detach", "--network", "none", ...said, "moustash/cuir:latest");
    try {
      const pid = await docker("inspect", "--format", "{{.State.Pid}}", container);
      const variables = await eventually("node runs", async () => {
        const all = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
        return all.some((variable) => variable.startsWith("MOUSTASH_STASHED_")) ? all : undefined;
      });
      const told = /(?<=^cuir ).*/m.exec(readFileSync("images/launcher/environment", "utf8"))![0];
      const ours = variables.filter((variable) => variable.startsWith("MALLOC_"));
      deepEqual(ours, told.split(" "));
      match(variables.join(), /MOUSTASH_STASHED_MALLOC_ARENA_MAX=8/);
    } finally {
      await docker("rm", "--force", container);
    }
  });

  test("hold Moustash and two folders, no shell and no package manager", async () => {
    const container = await docker("create", "moustash/panpan:latest");
    const { stdout } = spawnSync("sh", ["-c", `docker export ${container} | tar -tv --numeric-owner`]);
    await docker("rm", container);
    const entries = String(stdout)
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    // What docker itself puts into every container.
    const theirs = /^(\.dockerenv|dev\/|etc\/|proc\/|sys\/)/;
    const ours = entries.filter((entry) => !theirs.test(entry[5]!));
    const strangers = ours.filter(
      (entry) => !/^(opt|run|var|lib)\//.test(entry[5]!) || /\/(sh|busybox)$/.test(entry[5]!),
    );
    deepEqual(strangers, []);
    for (const folder of ["var/lib/moustash/", "run/moustash/"]) {
      const entry = ours.find((entry) => entry[5] === folder);
      deepEqual(entry?.slice(0, 2), ["drwxrws---", "65532/65532"]);
    }
    const others = ours.filter((entry) => !entry[5]!.startsWith("opt/") && !entry[5]!.endsWith("/moustash/"));
    deepEqual(
      others.map((entry) => entry[5]),
      ["run/", "var/", "var/lib/"],
    );
  });
});

describe("/opt/moustash copied into a hostile base", { skip: noEngine }, () => {
  const name = testName("images");
  const label = `moustash-test=${name}`;

  before(async () => {
    await removeAll(label);
    await docker("network", "create", "--label", label, name);
    const server = ["redis-server", "--bind", "* -::*", "--protected-mode", "no", "--save", ""];
    const where = ["--name", name, "--network", name, "--network-alias", "redis", "--label", label];
    await docker("run", "--detach", ...where, await baseImage("redis"), ...server);
    await eventually("redis answers", async () => ((await redis("ping")) === "PONG" ? true : undefined));
  });
  after(() => removeAll(label));

  const redis = (...command: string[]) => docker("exec", name, "redis-cli", ...command);

  const bases = { scratch: undefined, musl: "musl", "Debian 12": "debian12", "Debian 13": "debian" } as const;
  for (const [title, base] of Object.entries(bases))
    test(`a message from ${title}`, async () => {
      const tag = `${name}:${title.toLowerCase().replace(" ", "")}`;
      const args = {
        BASE_IMAGE: base === undefined ? "scratch" : await baseImage(base),
        NODE_IMAGE: await baseImage("node"),
      };
      const buildArgs = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
      await docker("build", "--quiet", "--tag", tag, ...buildArgs, "test/integration/engine/hostile");
      try {
        const where = ["--network", name, "--hostname", "hulk", "--volume", "/var/lib/moustash"];
        const start = ["run", "--rm", ...where, "--env", "MOUSTASH_REDIS_IP=redis", ...hardened, tag];
        for (const program of ["/opt/moustash/bin/panpan", "/elsewhere/another-name"]) {
          const said = spawnSync("docker", [...start, program, `from ${title}`], { encoding: "utf8" });
          equal(said.stderr.trim(), "");
          equal(said.status, 0);
          const event = JSON.parse(await redis("lpop", "logstash:moustash")) as Record<string, unknown>;
          equal(event.message, `from ${title}`);
          equal(event.type, "panpan");
          equal(event.host, "hulk");
        }
        // The base is as hostile as it says: its own programs do not start.
        if (base?.startsWith("debian")) equal(spawnSync("docker", [...start, "/bin/true"]).status, 99);
      } finally {
        await docker("image", "rm", "--force", tag);
      }
    });
});
