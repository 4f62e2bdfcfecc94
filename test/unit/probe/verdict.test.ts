// Who is told what: dependencies, silences, inverted and slow targets, flapping, summaries, the prober's own life.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createDoubt } from "../../../src/probe/doubt.ts";
import { type Outcome, fail, up as good } from "../../../src/probe/outcome.ts";
import { type Occasion, draft, summarise } from "../../../src/probe/report.ts";
import type { TargetValues } from "../../../src/probe/settings.ts";
import { writeSilence } from "../../../src/probe/silence.ts";
import { type Summary, createTally } from "../../../src/probe/tally.ts";
import { type Target, parseTarget } from "../../../src/probe/target.ts";
import { type Status, advance, settled } from "../../../src/probe/transition.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { type Decoded, eventually, listener, run } from "./harness.ts";

const target = (program: string, port: number, values: TargetValues = {}): Target => ({
  ...parseTarget(program, `127.0.0.1:${port}:x`),
  values,
});
const about =
  (program: string, ...tags: string[]) =>
  (event: Decoded) =>
    event.program === program && tags.every((tag) => event.tags.includes(tag));

async function webServer(answer: (response: http.ServerResponse) => void) {
  const server = http.createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a child stays quiet while its parent is down, says why, and speaks when it is down alone", async () => {
  await using parent = await listener();
  await using child = await listener();
  const cuir = run([target("Router", parent.port), target("Shop", child.port, { depends_on: ["router"] })], {
    remind: 60_000,
  });
  await eventually(() => cuir.watch.snapshot().every(({ probes }) => probes > 1));
  await parent.close();
  await child.close();
  const quiet = await cuir.find(about("Shop", "down"));
  assert.deepEqual(quiet.tags, ["cuir", "Shop", "down", "suppressed"]);
  assert.equal(quiet.cuir.suppressed_by, "Router");
  assert.match(quiet.cuir.summary, /depends on Router, which is down/);
  assert.ok((await cuir.find(about("Router", "down"))).moustash.notify);
  await parent.reopen();
  const late = await cuir.find(about("Shop", "notification"));
  assert.deepEqual(late.tags, ["cuir", "Shop", "down", "reminder", "notification"]);
  await child.reopen();
  assert.ok((await cuir.find(about("Shop", "up"))).moustash.notify);
  await cuir.end();
});

test("who was not told that it is down is not told that it is up", async () => {
  await using parent = await listener();
  await using child = await listener();
  const cuir = run([target("Router", parent.port), target("Shop", child.port, { depends_on: ["Router"] })]);
  await eventually(() => cuir.watch.snapshot().every(({ probes }) => probes > 1));
  await parent.close();
  await child.close();
  await cuir.find(about("Shop", "down"));
  await child.reopen();
  assert.equal((await cuir.find(about("Shop", "up"))).moustash.notify, false);
  await cuir.end();
});

test("silenced: events flow, people sleep; afterwards they hear what is still down", async () => {
  await using server = await listener();
  const store = openMemoryStore();
  const nowMs = Date.now();
  await writeSilence(
    store,
    { program: "ssh", reason: "disk is replaced", sinceMs: nowMs, untilMs: nowMs + 3_600_000 },
    nowMs,
  );
  await server.close();
  const cuir = run([target("SSH", server.port)], {}, { store });
  const down = await cuir.find(about("SSH", "down"));
  assert.deepEqual(down.tags, ["cuir", "SSH", "down", "silenced"]);
  assert.equal(down.cuir.silence.reason, "disk is replaced");
  await writeSilence(store, { program: "ssh", reason: "", sinceMs: nowMs, untilMs: 0 }, nowMs);
  assert.ok(await cuir.find(about("SSH", "silence", "ends")));
  assert.deepEqual((await cuir.find(about("SSH", "notification"))).tags, [
    "cuir",
    "SSH",
    "down",
    "reminder",
    "notification",
  ]);
  await cuir.end();
});

const silence = (store: Store, program: string, lastsMs: number) => {
  const sinceMs = Date.now();
  return writeSilence(store, { program, reason: "x", sinceMs, untilMs: sinceMs + lastsMs }, sinceMs);
};

test("up while it was silenced: whoever heard that it is down hears it afterwards, once, also over restarts", async () => {
  await using server = await listener();
  await server.close();
  const store = openMemoryStore();
  const targets = [target("SSH", server.port)];
  const first = run(targets, {}, { store });
  const down = await first.find(about("SSH", "down", "notification"));
  await silence(store, "ssh", 3_600_000);
  await first.find(about("SSH", "silence", "begins"));
  await server.reopen();
  assert.deepEqual((await first.find(about("SSH", "up"))).tags, ["cuir", "SSH", "up", "silenced"]);
  await first.end();
  const second = run(targets, {}, { store });
  await eventually(() => second.probes() >= 3);
  assert.deepEqual(second.events, []);
  await silence(store, "ssh", 0);
  const up = await second.find(about("SSH", "notification"));
  const seen = second.probes();
  await eventually(() => second.probes() >= seen + 3);
  await second.end();
  assert.deepEqual(up.tags, ["cuir", "SSH", "up", "notification"]);
  assert.equal(up.message, "RECOVERED: x");
  assert.equal(up.cuir.episode, down.cuir.episode);
  assert.match(up.cuir.summary, /up since \d{4}-/);
  assert.equal(second.events.filter(about("SSH", "up")).length, 1);
  const third = run(targets, {}, { store });
  await eventually(() => third.probes() >= 3);
  await third.end();
  assert.deepEqual(third.events, []);
});

test("down again while it was silenced is said afterwards, and then its end", async () => {
  await using server = await listener();
  await server.close();
  const store = openMemoryStore();
  const cuir = run([target("SSH", server.port)], {}, { store });
  const first = await cuir.find(about("SSH", "down", "notification"));
  await silence(store, "ssh", 3_600_000);
  await cuir.find(about("SSH", "silence", "begins"));
  await server.reopen();
  await cuir.find(about("SSH", "up", "silenced"));
  await server.close();
  await cuir.find(about("SSH", "down", "silenced"));
  await silence(store, "ssh", 0);
  const again = await cuir.find(about("SSH", "reminder", "notification"));
  assert.notEqual(again.cuir.episode, first.cuir.episode);
  await server.reopen();
  const up = await cuir.find(about("SSH", "up", "notification"));
  await cuir.end();
  assert.equal(up.cuir.episode, again.cuir.episode);
  assert.equal(up.cuir.previous, "down");
});

test("degraded while it was silenced is said afterwards, once", async () => {
  await using server = await listener();
  const store = openMemoryStore();
  await silence(store, "ssh", 3_600_000);
  const cuir = run([target("SSH", server.port)], { slow: 0.0001 }, { store });
  await cuir.find(about("SSH", "degraded", "silenced"));
  await silence(store, "ssh", 0);
  await cuir.find(about("SSH", "degraded", "reminder", "notification"));
  const seen = cuir.probes();
  await eventually(() => cuir.probes() >= seen + 3);
  await cuir.end();
  assert.equal(cuir.events.filter(about("SSH", "notification")).length, 1);
});

test("an inverted target must stay closed", async () => {
  await using server = await listener();
  await server.close();
  const cuir = run([target("Telnet", server.port, { inverted: true })]);
  await eventually(() => cuir.watch.snapshot()[0]?.status === "up");
  await server.reopen();
  const down = await cuir.find(about("Telnet", "down"));
  assert.equal(down.cuir.cause, "open");
  assert.match(down.cuir.summary, /open, but must be closed/);
  await cuir.end();
});

test("a slow target is degraded, not down", async () => {
  await using server = await listener();
  const cuir = run([target("Web", server.port)], { slow: 0.0001 });
  const event = await cuir.find(about("Web", "degraded"));
  assert.equal(event.cuir.cause, "slow");
  assert.equal(event.cuir.status, "degraded");
  await cuir.end();
});

test("a target that is down and slow in turn is degraded, and people are told by which probe", async () => {
  let isSlow = false;
  await using server = await webServer((answer) => {
    isSlow = !isSlow;
    if (!isSlow) answer.writeHead(503).end();
    else setTimeout(() => answer.end(), 60);
  });
  const cuir = run([parseTarget("Web", `http://127.0.0.1:${server.port}/ x`)], { slow: 40 });
  const event = await cuir.find(about("Web", "notification"));
  assert.deepEqual(event.tags, ["cuir", "Web", "degraded", "notification"]);
  assert.equal(event.cuir.cause, "http_status");
  assert.match(event.cuir.summary, /^Web 127\.0\.0\.1:\d+ degraded: /);
  const seen = cuir.probes();
  await eventually(() => cuir.probes() >= seen + 4);
  await cuir.end();
  assert.equal(cuir.events.length, 1);
});

test("a silence that may be our own trouble makes nobody degraded either", () => {
  const slow = fail("slow");
  const isolation = { active: false, proof() {}, silence: () => "waiting" as const };
  const doubt = createDoubt({
    target: parseTarget("SSH", "10.1.2.3:22:x"),
    rules: { fall: 2, rise: 1 },
    isolation: () => isolation,
    parentOf: () => undefined,
  });
  assert.equal(doubt.weigh({ outcome: slow, progress: settled("up"), startedMs: 0 }), slow);
  const progress = advance(settled("up"), "degraded", { fall: 2, rise: 1 });
  assert.equal(doubt.weigh({ outcome: fail("timeout"), progress, startedMs: 1 }), undefined);
});

test("a target that flaps is told in digests", async () => {
  await using server = await listener();
  const cuir = run([target("Web", server.port)], {
    interval: 10,
    recheck: 5,
    flap_changes: 3,
    flap_window: 1500,
  });
  const isNow = (status: string) => eventually(() => cuir.watch.snapshot()[0]?.status === status);
  await isNow("up");
  for (let turn = 0; turn < 4; turn += 1) {
    await server.close();
    await isNow("down");
    await server.reopen();
    await isNow("up");
  }
  const digest = await cuir.find((event) => /flapped \d+ times/.test(event.cuir.summary));
  assert.ok(digest.moustash.notify);
  assert.equal(digest.message, "RECOVERED: x");
  const seen = cuir.probes();
  await eventually(() => cuir.probes() >= seen + 3);
  assert.equal(cuir.events.at(-1), digest, "who heard it so does not hear it again");
  await cuir.end();
  const changes = cuir.events.filter((event) => event.cuir.previous !== undefined);
  assert.equal(changes.length, 8, "every change is an event");
  assert.deepEqual(
    changes.map(({ moustash }) => moustash.notify),
    [true, true, true, false, false, false, false, false],
  );
  assert.ok(changes[2].tags.includes("flapping"));
});

test("whatever people hear of a target that is up says so before its informations, and nothing else does", () => {
  const occasions: Occasion[] = ["change", "recovery", "flapping", "reminder", "probe", "summary"];
  const messages = (status: Status, outcome: Outcome, previous: Status) =>
    occasions.filter((occasion) => {
      const facts = { target: target("Web", 1), outcome, atMs: 0, status, previous };
      return draft(facts, occasion, true).message.startsWith("RECOVERED: ");
    });
  assert.deepEqual(messages("up", good, "down"), ["change", "recovery", "flapping"]);
  assert.deepEqual(messages("up", good, "new"), []);
  for (const [status, outcome] of [
    ["up", fail("refused")],
    ["up", fail("resolver_away")],
    ["down", good],
    ["degraded", good],
    ["down", fail("refused")],
  ] as const)
    assert.deepEqual(messages(status, outcome, "up"), [], `${status} ${outcome.cause}`);
});

test("summaries, and the prober's own life", async () => {
  await using server = await listener();
  const cuir = run([target("Web", server.port)], { summary: 200, heartbeat: 150 });
  const { cuir: told } = await cuir.find(about("Web", "summary"));
  assert.ok(told.counts.count >= 2 && told.counts.lost === 0 && told.counts.p50_ms > 0);
  assert.match(told.summary, /^Web 127\.0\.0\.1:\d+ up: \d+ probes, 0 % lost/);
  const alive = await cuir.find(about("cuir", "prober", "alive"));
  assert.equal(alive.cuir.targets, 1);
  assert.equal(alive.cuir.missed, 0);
  assert.ok(Date.parse(alive.cuir.expected_before) > Date.parse(alive["@timestamp"]));
  await cuir.end();
});

test("a summary holds nothing of our own trouble against its target", () => {
  const summaryOf = (counts: Summary) =>
    summarise({ target: target("Web", 1), outcome: good, atMs: 0, status: "up", summary: counts }, "summary");
  const tally = createTally();
  tally.add("unknown", 3000);
  assert.equal(summaryOf(tally.take()), "Web 127.0.0.1:1 up: no probe could be judged");
  tally.add("unknown", 3000);
  tally.add("degraded", 2);
  assert.equal(summaryOf(tally.take()), "Web 127.0.0.1:1 up: 1 probe, 0 % lost, p50 2 ms, p99 2 ms");
});

test("what changed since it was last up: the address", async () => {
  await using server = await listener();
  const store = openMemoryStore();
  const one = target("Web", server.port);
  const first = run([{ ...one, host: "localhost" }], {}, { store });
  await eventually(() => first.probes() >= 2);
  await first.end();
  const memory = await store.get("cuir.targets", `Web ${one.source}`);
  assert.deepEqual((memory as Decoded).face, { address: "127.0.0.1" });
});
