// `npm run up` where no engine can be had: the three tools run from source, and a newcomer sees real events.
import { equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

test(
  "events of Cuir and PanPan reach standard output, and Ctrl-C ends it well",
  { timeout: 60_000 },
  async () => {
    const child = spawn(process.execPath, ["scripts/up.ts"], {
      // An engine that is named and away is never replaced by one that is installed.
      env: {
        ...process.env,
        DOCKER_HOST: "unix:///nowhere/docker.sock",
        MOUSTASH_REDIS_PORT: "1",
        CUIR_HTTP: "none",
        FOUET_HTTP: "none",
      },
    });
    let [told, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (told += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const types = () =>
      told
        .split("\n")
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { type: string }).type);
    try {
      while (!(told.endsWith("\n") && types().includes("panpan") && types().includes("cuir"))) {
        ok(child.exitCode === null, said);
        await delay(100);
      }
      match(said, /^no Docker engine answers at DOCKER_HOST=.*\n.*running from source/);
    } finally {
      child.kill("SIGINT");
    }
    const [code] = (await once(child, "exit")) as [number];
    equal(code, 0, said);
  },
);
