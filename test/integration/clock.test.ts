// Time that misbehaves: a clock that is set while Cuir runs, a machine that slept. Probes keep their moments.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { hostile } from "../contract/probe.ts";
import { type Child, eventually, startChild, temporaryFolder, unlessInstalled } from "../servers/server.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");
const cuirCommand = [process.execPath, "--disable-warning=ExperimentalWarning", entry, "cuir"] as const;
const dayMs = 86_400_000;
const intervalMs = 500;

// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

function environment(probes: readonly string[]) {
  return {
    PATH: process.env["PATH"],
    MOUSTASH_CONFIG: "none",
    MOUSTASH_SPOOL: "none",
    MOUSTASH_HOST: "trial-1",
    MOUSTASH_TRANSPORT: "stdout",
    CUIR_HTTP: "none",
    CUIR_INTERVAL: `${intervalMs}ms`,
    CUIR_RECHECK: "100ms",
    CUIR_PROBES: probes.join("\n"),
  };
}

/** All that it said, as events. */
function hear(child: Child) {
  const events = (): Decoded[] =>
    child
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const find = (what: string, holds: (event: Decoded) => boolean) =>
    eventually(() => events().find(holds), { what: `${what} (${child.output()})` });
  return { events, find };
}

const about =
  (program: string, ...tags: string[]) =>
  (event: Decoded) =>
    event.program === program && tags.every((tag) => event.tags.includes(tag));

async function closedPort() {
  await using server = await hostile(() => {});
  return server.port;
}

/** Nobody is asked twice at once, nor left out: between two probes of a target lies about one interval. */
function assertEven(moments: readonly number[], targets: number) {
  const spanMs = moments.at(-1)! - moments[0]!;
  const expected = (spanMs / intervalMs) * targets;
  assert.ok(
    Math.abs(moments.length - expected) <= targets + 0.2 * expected,
    `${moments.length}, not ${expected}`,
  );
  const most = Math.max(
    ...moments.map((from) => moments.filter((ms) => ms >= from && ms < from + 50).length),
  );
  assert.ok(most < targets * 0.75, `${most} of ${targets} probes within 50 ms`);
}

suite("time", () => {
  const noFaketime = unlessInstalled("faketime", "faketime");

  test(
    "a clock that is set, forwards and back, moves no probe and wakes nobody",
    { skip: noFaketime },
    async () => {
      await using folder = await temporaryFolder();
      // As `date -s` would: the wall clock alone is set, monotonic time goes on.
      const file = join(folder.path, "offset");
      const setClock = (days: number) => writeFileSync(file, `${days >= 0 ? "+" : ""}${days}d\n`);
      setClock(0);
      const preload = execFileSync("faketime", ["-m", "-f", "+0", "printenv", "LD_PRELOAD"])
        .toString()
        .trim();
      const moments: number[] = [];
      await using server = await hostile(() => moments.push(performance.now()));
      const targets = 20;
      const well = Array.from({ length: targets }, (_, index) => `P${index}: 127.0.0.1:${server.port}:x`);
      const child = startChild(cuirCommand[0], cuirCommand.slice(1), {
        env: {
          ...environment([...well, `Down: 127.0.0.1:${await closedPort()}:x`]),
          LD_PRELOAD: preload,
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
          CUIR_REMIND: "1h",
          CUIR_HEARTBEAT: "300ms",
          CUIR_SUMMARY: "1h",
        },
      });
      try {
        const { events, find } = hear(child);
        await find("the first down", about("Down", "down"));
        for (const days of [2, -3, 0]) {
          await eventually(() => moments.length >= 60);
          setClock(days);
          const nowMs = Date.now() + days * dayMs;
          await find(
            `the clock at ${days} days`,
            (event) => Math.abs(Date.parse(event["@timestamp"]) - nowMs) < 60_000,
          );
          const from = moments.length;
          await eventually(() => moments.length >= from + 60);
        }
        assertEven(moments, targets);
        const alive = events().filter(about("cuir", "prober", "alive"));
        assert.equal(alive.at(-1).cuir.missed, 0);
        assert.ok(alive.at(-1).cuir.lag_p99_ms < 400, String(alive.at(-1).cuir.lag_p99_ms));
        // Neither a reminder nor a summary of a day that never was.
        assert.deepEqual(
          events()
            .filter((event) => event.program !== "cuir")
            .map(({ program, tags }) => [program, tags[2]]),
          [["Down", "down"]],
        );
      } finally {
        await child.end("SIGTERM");
      }
    },
  );

  const noMounts =
    spawnSync("unshare", ["--mount", "true"]).status === 0 ? false : "mount namespaces need root";

  test(
    "a machine that slept an hour: the rounds are counted, none is made up, and it says so at once",
    { skip: noMounts },
    async () => {
      await using folder = await temporaryFolder();
      // While a machine sleeps, its uptime goes on and monotonic time does not: a /proc/uptime of the test's own shows that.
      const file = join(folder.path, "uptime");
      const setUptime = (seconds: number) => `${seconds.toFixed(2).padStart(12, "0")} 0000000000.00\n`;
      writeFileSync(file, setUptime(50_000));
      const fd = openSync(file, "r+");
      const startedMs = performance.now();
      let sleptSeconds = 0;
      const timer = setInterval(
        () => writeSync(fd, setUptime(50_000 + (performance.now() - startedMs) / 1000 + sleptSeconds), 0),
        10,
      );
      const moments: number[] = [];
      await using server = await hostile(() => moments.push(performance.now()));
      const targets = 20;
      const probes = Array.from({ length: targets }, (_, index) => `P${index}: 127.0.0.1:${server.port}:x`);
      const script = 'mount --bind "$1" /proc/uptime && shift && exec "$@"';
      const child = startChild("unshare", ["--mount", "sh", "-c", script, "sh", file, ...cuirCommand], {
        env: { ...environment(probes), CUIR_HEARTBEAT: "1h" },
      });
      try {
        const { find } = hear(child);
        await eventually(() => moments.length >= 120, { what: child.output() });
        sleptSeconds = 3600;
        const alive = await find("a sign of life", about("cuir", "prober", "alive"));
        const rounds = targets * (3_600_000 / intervalMs);
        assert.ok(Math.abs(alive.cuir.missed - rounds) <= targets, String(alive.cuir.missed));
        const from = moments.length;
        await eventually(() => moments.length >= from + 60);
        assertEven(moments, targets);
        assert.match(child.output(), /the machine slept for 3600 s/);
      } finally {
        clearInterval(timer);
        await child.end("SIGTERM");
      }
    },
  );
});
