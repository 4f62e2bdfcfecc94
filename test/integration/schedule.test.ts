// The schedule under load: 5,000 targets every five seconds, on one core; how late, at what cost, and none left out.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Child, eventually, freePort, startChild, temporaryFolder } from "../servers/server.ts";

const root = join(import.meta.dirname, "../..");
const targets = 5000;

// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

/** User and kernel time, as proc_pid_stat(5) tells it, in hundredths of a second. */
function cpuSeconds({ process: { pid } }: Child): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test("5,000 targets, interval 5 s, on one core: no missed round", async () => {
  await using folder = await temporaryFolder();
  const port = await freePort();
  const listener = startChild(process.execPath, [join(root, "test/servers/listeners.ts"), String(port)]);
  await eventually(() => listener.output().includes("listening"), { what: listener.output() });
  const ini = join(folder.path, "m.ini");
  const list = Array.from(
    { length: targets },
    (_, index) => `P${index}: 127.${index >> 16}.${(index >> 8) & 255}.${index & 255 || 1}:${port}:x`,
  );
  writeFileSync(
    ini,
    `[Moustash]\ntransport = stdout\nspool = none\n[Cuir]\nhttp = none\ninterval = 5s\nheartbeat = 5s\n${list.join("\n")}\n`,
  );
  const core = String(availableParallelism() - 1);
  const cuir = startChild(
    "taskset",
    [
      "-c",
      core,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(root, "src/main.ts"),
      "cuir",
      "--config",
      ini,
    ],
    { env: { PATH: process.env["PATH"], MOUSTASH_CONFIG: ini } },
  );
  try {
    const signs: { cpu: number; atMs: number; cuir: Decoded }[] = [];
    let text = "";
    cuir.process.stdout!.on("data", (chunk) => {
      text += String(chunk);
      const lines = text.split("\n");
      text = lines.pop()!;
      for (const line of lines) {
        const event = JSON.parse(line);
        assert.ok(event.tags.includes("alive"), line);
        signs.push({ cpu: cpuSeconds(cuir), atMs: performance.now(), cuir: event.cuir });
      }
    });
    // The first is of the time in which 5,000 targets began; three rounds come after it.
    await eventually(() => signs.length >= 4, { what: cuir.output() });
    const [first, last] = [signs[0]!, signs[3]!];
    const seconds = (last.atMs - first.atMs) / 1000;
    const cpu = ((last.cpu - first.cpu) / seconds) * 100;
    console.log(
      `${targets} targets, interval 5 s, one core: lag p99 ${last.cuir.lag_p99_ms} ms, CPU ${cpu.toFixed(1)} %, missed ${last.cuir.missed}`,
    );
    assert.equal(last.cuir.targets, targets);
    assert.equal(last.cuir.missed, 0);
    assert.equal(last.cuir.down, 0);
    const probes = last.cuir.probes - first.cuir.probes;
    assert.ok(Math.abs(probes - 3 * targets) < 0.05 * targets, `${probes} probes in three rounds`);
  } finally {
    await cuir.end("SIGTERM");
    await listener.end();
  }
});
