// PanPan delivers what waits, and says so: to people on a terminal while it works, to programs as JSON.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { eventsIn, openPanpan, whyNoDisk } from "../../servers/panpan.ts";
import { startRedis } from "../../servers/redis.ts";
import { freePort } from "../../servers/server.ts";

const terminal = join(import.meta.dirname, "../../servers/terminal.py");
const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}\n`).join("");
const skip = await whyNoDisk();

test("--flush counts up on a terminal, and is quiet elsewhere", { skip }, async () => {
  const port = await freePort();
  await using home = await openPanpan({ MOUSTASH_REDIS_PORT: port });
  assert.equal((await home.panpan([], { input: lines(3000) })).code, 0);

  const away = await home.panpan(["--flush", "--timeout", "2s", "--json-output"]);
  assert.equal(away.code, 75, away.stderr);
  assert.deepEqual(JSON.parse(away.stdout), { delivered: 0, waiting: 3000, rejected: 0 });
  assert.match(away.stderr, new RegExp(`^panpan: .*${port}.*connection refused`));

  await using redis = await startRedis({ port });
  const shown = await home.start("python3", [terminal, "24", "80", "panpan", "--flush"]).ended;
  assert.equal(shown.code, 0, shown.stdout);
  const steps = [...shown.stdout.matchAll(/\r(\d+) of 3000 delivered/g)].map(([, count]) => Number(count));
  assert.equal(steps[0], 0);
  assert.equal(steps.at(-1), 3000);
  assert.ok(steps.length > 3, shown.stdout);
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
  assert.match(shown.stdout, /\n3000 delivered, 0 waiting, 0 rejected\r?\n$/);
  assert.equal((await eventsIn(redis)).length, 3000);

  const again = await home.panpan(["--flush"]);
  assert.deepEqual([again.code, again.stdout, again.stderr], [0, "0 delivered, 0 waiting, 0 rejected\n", ""]);
  const quiet = await home.panpan(["--flush", "-q"]);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
});

test("--spool-status says how many, how old, how large, and why they wait", { skip }, async () => {
  const port = await freePort();
  await using home = await openPanpan({ MOUSTASH_REDIS_PORT: port });
  const before = Date.now();
  assert.equal((await home.panpan([], { input: lines(7) })).code, 0);
  const { stdout } = await home.panpan(["--spool-status", "--json-output"]);
  const status = JSON.parse(stdout) as Record<string, unknown> & {
    last_error: { reason: string; at: string };
  };
  assert.equal(status["directory"], home.spool);
  assert.equal(status["waiting"], 7);
  assert.ok(Number(status["bytes"]) > 7 * 256 && Number(status["most_bytes"]) > Number(status["bytes"]));
  const oldest = Date.parse(String(status["oldest"]));
  assert.ok(oldest >= before && oldest <= Date.now());
  assert.match(status.last_error.reason, new RegExp(`${port}.*connection refused`));
  const people = await home.panpan(["--spool-status"]);
  assert.match(people.stdout, /^waiting +7 events, the oldest of 2/m);
  assert.match(people.stdout, /^last error .*connection refused/m);
});
