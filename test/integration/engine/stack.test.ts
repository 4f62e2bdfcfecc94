// The whole way, as a user has it: real services are stopped, real programs crash, and each event is found, field by
// field, in the file that the reader at the end wrote.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { output } from "../../../scripts/command.ts";
import { buildStack, openStack } from "../../../scripts/stack.ts";
import { temporaryFolder } from "../../servers/server.ts";
import { docker, eventually, hardened, noEngine, testName } from "./docker.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

interface Event {
  "@timestamp": string;
  "@version": number;
  message: string;
  host: string;
  type: string;
  program: string;
  source: string;
  tags: string[];
  moustash: { schema: number; id: string; run: string; seq: number; notify: boolean; version: string };
  cuir?: Record<string, unknown>;
  fouet?: Record<string, unknown>;
  panpan?: Record<string, unknown>;
}

/** What README.md tells newcomers to type, and the file that it tells them to write. */
const readme = (() => {
  const text = readFileSync("README.md", "utf8");
  const blocks = (language: string) =>
    [...text.matchAll(new RegExp("^```" + language + "\\n(.*?)^```", "gms"))].map(([, block]) => block!);
  const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));
  return { commands: commands.map((line) => line.replace(/\s+#.*/, "")), configuration: blocks("ini")[0]! };
})();

const project = testName("stack");
const stack = openStack(project, { STACK_REDIS_PORT: "0", STACK_CUIR_PORT: "0", STACK_FOUET_PORT: "0" });

async function events(): Promise<Event[]> {
  const lines = await stack.compose("exec", "-T", "logstash", "cat", "data/events.ndjson");
  return lines.split("\n").map((line) => JSON.parse(line) as Event);
}

const arrived = (what: string, wanted: (event: Event) => boolean) =>
  eventually(what, async () => (await events()).find(wanted));

/** What every event has; gives what is its own. */
function common({ "@timestamp": timestamp, "@version": format, moustash, ...own }: Event): Partial<Event> {
  match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  ok(Math.abs(Date.now() - Date.parse(timestamp)) < 300_000, timestamp);
  equal(format, 1);
  const { id, run, seq, notify, ...rest } = moustash;
  deepEqual(rest, { schema: 1, version });
  match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  match(run, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  ok(seq >= 1);
  equal(notify, own.tags.at(-1) === "notification");
  return own;
}

describe("the stack", { skip: noEngine }, () => {
  before(async () => {
    await buildStack();
    await stack.down();
    await stack.up();
  });
  after(() => stack.down());

  for (const [service, port] of [
    ["cuir", "9797"],
    ["fouet", "9798"],
  ] as const)
    test(`${service} is ready and is measured on loopback`, async () => {
      const address = await stack.compose("port", service, port);
      match(address, /^127\.0\.0\.1:/);
      await eventually(`${service} is ready`, async () =>
        (await fetch(`http://${address}/readyz`)).ok ? true : undefined,
      );
      match(await (await fetch(`http://${address}/metrics`)).text(), /^moustash_\w+/m);
    });

  test("Cuir tells that a service was stopped, and that it is back", async () => {
    await stack.compose("stop", "web");
    const down = await arrived(
      "Web is down",
      (event) => event.program === "Web" && event.tags.includes("down"),
    );
    const { cuir, ...told } = common(down);
    deepEqual(told, {
      message: "the web server that you may stop",
      host: "cuir",
      type: "cuir",
      program: "Web",
      source: "web:8080",
      tags: ["cuir", "Web", "down", "notification"],
    });
    equal(cuir?.status, "down");
    ok(
      ["name_not_found", "refused", "timeout", "unreachable"].includes(String(cuir?.cause)),
      String(cuir?.cause),
    );
    match(String(cuir?.summary), /^Web web:8080 down: /);

    await stack.compose("start", "web");
    const isBack = (event: Event) => event.message.startsWith("RECOVERED: ");
    const { cuir: after, ...recovered } = common(await arrived("Web is up again", isBack));
    deepEqual(recovered, {
      ...told,
      message: "RECOVERED: the web server that you may stop",
      tags: ["cuir", "Web", "up", "notification"],
    });
    equal(after?.status, "up");
    equal(after?.previous, "down");
  });

  test("the services that stayed up are never said to be down", async () => {
    const programs = new Set(
      (await events()).filter(({ type }) => type === "cuir").map(({ program }) => program),
    );
    deepEqual([...programs], ["Web"]);
  });

  test("Fouet tells that a supervised program crashed", async () => {
    const pid = Number(await stack.compose("exec", "-T", "demo", "supervisorctl", "pid", "worker"));
    await stack.compose("exec", "-T", "demo", "supervisorctl", "signal", "SEGV", "worker");
    const crashed = await arrived(
      "worker exited",
      (event) => event.message === "PROCESS_STATE_EXITED" && event.program === "worker",
    );
    const { fouet, tags, ...told } = common(crashed);
    deepEqual(told, {
      message: "PROCESS_STATE_EXITED",
      host: "demo",
      type: "fouet",
      program: "worker",
      source: "fouet",
    });
    deepEqual([tags?.slice(0, 3), tags?.at(-1)], [["fouet", "worker", "exited"], "notification"]);
    const { processname, groupname, from_state, expected, eventname, pool } = fouet ?? {};
    deepEqual(
      {
        processname,
        groupname,
        from_state,
        expected: Number(expected),
        pid: Number(fouet?.pid),
        eventname,
        pool,
      },
      {
        processname: "worker",
        groupname: "worker",
        from_state: "RUNNING",
        expected: 0,
        pid,
        eventname: "PROCESS_STATE_EXITED",
        pool: "fouet",
      },
    );
    await arrived("the cause", (event) => event.program === "worker" && event.fouet?.signal === "SIGSEGV");
    await arrived(
      "worker runs again",
      (event) =>
        event.message === "PROCESS_STATE_RUNNING" &&
        event.program === "worker" &&
        event["@timestamp"] >= crashed["@timestamp"],
    );
  });

  test("Fouet heard how everything started", async () => {
    const started = (await events()).filter(({ message }) => message === "PROCESS_STATE_STARTING");
    for (const program of ["worker", "queue-0", "queue-1", "crasher"])
      ok(
        started.some((event) => event.program === program),
        program,
      );
  });

  test("PanPan says the original's four words", async () => {
    const where = [
      "--network",
      `${project}_default`,
      "--hostname",
      "panpan",
      "--env",
      "MOUSTASH_REDIS_IP=redis",
    ];
    const words = ["it is done", "backup", "db-1", "True"];
    await docker("run", "--rm", ...hardened, ...where, "moustash/panpan:latest", ...words);
    const { panpan, tags, ...told } = common(
      await arrived("it is done", ({ message }) => message === "it is done"),
    );
    deepEqual(told, {
      message: "it is done",
      host: "panpan",
      type: "panpan",
      program: "backup",
      source: "db-1",
    });
    ok(tags?.includes("backup") && tags.at(-1) === "notification", String(tags));
    ok(panpan === undefined || typeof panpan === "object");
  });

  test("README names no other commands than these", () => {
    const tested = ["npm run up", "npm test", "docker compose -f compose/docker-compose.yml up"];
    deepEqual(
      readme.commands.filter((command) => !command.startsWith("docker run")),
      tested,
    );
    equal(readme.commands.length, tested.length + 3);
  });

  test("PanPan is a run of the compose file away", async () => {
    await stack.compose("run", "--rm", "--no-TTY", "panpan", "said by compose");
    common(await arrived("said by compose", ({ message }) => message === "said by compose"));
  });

  test("a command that PanPan wraps gets back what the launcher put away", async () => {
    const hostile = {
      LD_LIBRARY_PATH: "/nowhere",
      LD_PRELOAD: "/nowhere.so",
      NODE_OPTIONS: "--require=/nowhere.cjs",
      GLIBC_TUNABLES: "glibc.malloc.check=3",
      // Not ours, however much it looks so.
      MOUSTASH_STASHED_LD_AUDIT: "kept",
    };
    const variables = Object.entries(hostile).map(([name, value]) => `${name}=${value}`);
    const options = variables.flatMap((variable) => ["--env", variable]);
    const words = ["/opt/moustash/bin/panpan", "--run", "--", "env"];
    const seen = (await stack.compose("exec", "--no-TTY", ...options, "demo", ...words)).split("\n");
    const wanted = seen.filter((line) => /^(LD_|NODE_|GLIBC_|MOUSTASH_STASHED_)/.test(line));
    deepEqual(wanted.toSorted(), variables.toSorted());
  });

  test("a launcher is its tool whatever it is called", async () => {
    const calls = [
      "exec -a '' /opt/moustash/bin/panpan --version",
      "exec -a -fouet /opt/moustash/bin/panpan --version",
      "ln -sf /opt/moustash/bin/panpan /tmp/cuir && exec /tmp/cuir --version",
    ];
    for (const call of calls)
      match(
        await stack.compose("exec", "--no-TTY", "demo", "bash", "-c", call),
        new RegExp(`^panpan ${version}`),
      );
  });

  for (const command of readme.commands.filter((line) => line.startsWith("docker run")))
    test(`README: ${command}`, async () => {
      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, "moustash.ini"), readme.configuration);
      const name = `${project}-readme`;
      const here = command
        .replace("moustash_default", `${project}_default`)
        .replace("docker run", `docker run --name ${name}`);
      const ended = output("sh", ["-c", here], { cwd: folder.path });
      // Its container may be removed before anybody waits for it.
      ended.catch(() => undefined);
      try {
        if (command.includes("/panpan")) {
          await ended;
          const { program, tags } = common(
            await arrived("the message", ({ message }) => message === "deployed 1.4.2"),
          );
          deepEqual([program, tags?.at(-1)], ["shop", "notification"]);
        } else if (command.includes("--setup")) match(await ended, /^\[eventlistener:fouet\]$/m);
        else
          await eventually(
            "Cuir probes",
            async () => /"probing"/.exec(await output("sh", ["-c", `docker logs ${name} 2>&1`])) ?? undefined,
          );
      } finally {
        await docker("rm", "--force", name).catch(() => undefined);
        await ended.catch(() => undefined);
      }
    });

  // They name 127.0.0.1: the container shares the broker's network, where the broker is, and no ssh or ftp server.
  for (const [file, program, source, informations] of [
    ["ssh.ini", "SSH", "127.0.0.1:22", "ssh server for HULK"],
    ["hulk.ini", "HULK", "127.0.0.1:21", "HULK PAS CONTENT"],
  ] as const)
    test(`the original's configuration drives Cuir: ${program}`, async () => {
      const broker = await stack.compose("ps", "--quiet", "redis");
      const configuration = resolve("test/integration/engine/original", file);
      const mount = `${configuration}:/usr/local/etc/moustash/moustash.ini:ro`;
      const options = ["--network", `container:${broker}`, "--volume", mount, ...hardened];
      const container = await docker("run", "--detach", ...options, "moustash/cuir:latest");
      try {
        const { cuir, host, ...told } = common(
          await arrived(informations, (event) => event.program === program),
        );
        deepEqual(told, {
          message: informations,
          type: "cuir",
          program,
          source,
          tags: ["cuir", program, "down", "notification"],
        });
        equal(cuir?.cause, "refused");
        equal(typeof host, "string");
      } finally {
        await docker("rm", "--force", container);
      }
    });
});
