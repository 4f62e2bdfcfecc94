// What the broker refuses for good is put aside, readable, and sent again when a person says so.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { appendRejected } from "../../src/spool/rejected.ts";
import { makeRun } from "../contract/spool.ts";
import { eventsIn, openPanpan, whyNoDisk } from "../servers/panpan.ts";
import { startRedis } from "../servers/redis.ts";
import { eventually } from "../servers/server.ts";

const skip = await whyNoDisk();

test("a key that is no list: put aside, told, not in the way, sent again", { skip }, async () => {
  await using redis = await startRedis();
  await using home = await openPanpan({
    MOUSTASH_REDIS_PORT: redis.port,
    MOUSTASH_REDIS_NAMESPACE: "logstash:%{program}",
  });
  await redis.command("SET", "logstash:poison", "a string");
  const poisoned = await home.panpan(["first", "poison", "here", "False"]);
  assert.match(poisoned.stderr, /reject/, poisoned.stderr);
  const healthy = await home.panpan(["second", "healthy", "here", "False"]);
  assert.equal(healthy.code, 0, healthy.stderr);
  assert.equal((await redis.list("logstash:healthy")).length, 1);

  const status = await home.panpan(["--spool-status"]);
  assert.match(status.stdout, /waiting +0 events/);
  assert.match(status.stdout, /rejected +1 /);
  const [line] = (await readFile(join(home.spool, "rejected.ndjson"), "utf8")).trimEnd().split("\n");
  const { reason, rejectedAt, event } = JSON.parse(line!) as Record<string, unknown>;
  assert.match(String(reason), /string/);
  assert.ok(Date.parse(String(rejectedAt)) > 0);
  assert.equal((event as { message: string }).message, "first");

  const again = await home.panpan(["--flush", "--rejected"]);
  assert.deepEqual([again.code, again.stdout], [75, "0 delivered, 0 waiting, 1 rejected\n"], again.stderr);
  const required = await home.panpan(["--require-broker", "--json-output", "-p", "poison", "for the broker"]);
  assert.equal(required.code, 75, required.stderr);
  assert.match(required.stdout, /"at":"rejected","events":1,"broker":0,"spool":0,"rejected":1,/);
  await redis.command("DEL", "logstash:poison");
  const mended = await home.panpan(["--flush", "--rejected"]);
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stdout, /2 delivered, 0 waiting, 0 rejected/);
  const [body] = await redis.list("logstash:poison");
  assert.deepEqual(JSON.parse(body!), event);
});

test("more than the spool has room for is sent again, once", { skip }, async () => {
  await using redis = await startRedis();
  await using home = await openPanpan({
    MOUSTASH_REDIS_PORT: redis.port,
    MOUSTASH_SPOOL_MAX_BYTES: "100KB",
  });
  await mkdir(home.spool);
  const rows = makeRun().many(500);
  for (const row of rows) appendRejected(home.spool, row, "too large");
  const { code, stdout, stderr } = await home.panpan(["--flush", "--rejected"]);
  assert.deepEqual([code, stdout], [0, "500 delivered, 0 waiting, 0 rejected\n"], stderr);
  const bodies = rows.map(({ body }) => JSON.stringify(JSON.parse(body)));
  assert.deepEqual(await redis.list("logstash:moustash"), bodies);
});

test("a key that is no list, and no disk: nothing is accepted, and a daemon says that it is lost", async () => {
  await using redis = await startRedis();
  await redis.command("SET", "logstash:moustash", "a string");
  await using home = await openPanpan({ MOUSTASH_REDIS_PORT: redis.port, MOUSTASH_SPOOL: "none" });
  const said = await home.panpan(["first", "p", "s", "False"]);
  assert.equal(said.code, 69, said.stderr);
  assert.match(said.stderr, /not a list but string.*no disk to put it aside on/);
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const cuir = home.start(process.execPath, ["--disable-warning=ExperimentalWarning", main, "cuir"], {
    env: { CUIR_PROBES: `closed: 127.0.0.1:${redis.port}:here`, CUIR_EMIT: "all", CUIR_HTTP: "none" },
  });
  try {
    await eventually(() => /"level":"error".*the event is lost, for there is no disk/.test(cuir.stderr()), {
      what: "an error",
    });
    cuir.kill("SIGTERM");
    await cuir.ended;
  } finally {
    cuir.kill("SIGKILL");
  }
});

test("what fails for a passing reason waits, and is not put aside", { skip }, async () => {
  await using redis = await startRedis();
  await using home = await openPanpan({ MOUSTASH_REDIS_PORT: redis.port });
  for (const [name, value, mended] of [
    ["maxmemory", "1", "0"],
    ["min-replicas-to-write", "3", "0"],
  ] as const) {
    await redis.command("CONFIG", "SET", name, value);
    const said = await home.panpan([`while ${name}`, "p", "s", "False"]);
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stderr, /spooled, delivery pending/);
    const pending = await home.panpan(["--flush", "--timeout", "300ms"]);
    assert.equal(pending.code, 75, pending.stderr);
    assert.match(pending.stdout, /1 waiting, 0 rejected/);
    await redis.command("CONFIG", "SET", name, mended);
    const flushed = await home.panpan(["--flush"]);
    assert.equal(flushed.code, 0, flushed.stderr);
  }
  assert.deepEqual(
    (await eventsIn(redis)).map(({ message }) => message),
    ["while maxmemory", "while min-replicas-to-write"],
  );
});
