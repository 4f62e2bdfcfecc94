// What Cuir says when real listeners go and come back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget } from "../../../src/probe/target.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { type Decoded, defaults, eventually, listener, run } from "./harness.ts";

const states = (events: Decoded[]) => events.map(({ tags }) => tags.slice(2).join(" "));

test("down and up again, with the cause, and nothing in between", async () => {
  await using server = await listener();
  const target = parseTarget("SSH", `127.0.0.1:${server.port}:ssh server for HULK`);
  const cuir = run([target]);
  await eventually(() => cuir.probes() >= 2);
  assert.deepEqual(cuir.events, [], "the first up is silent");
  await server.close();
  const down = await cuir.find(({ tags }) => tags.includes("down"));
  assert.equal(down.message, "ssh server for HULK");
  assert.equal(down.program, "SSH");
  assert.equal(down.source, `127.0.0.1:${server.port}`);
  assert.equal(down.type, "cuir");
  assert.deepEqual(down.tags, ["cuir", "SSH", "down", "notification"]);
  assert.equal(down.moustash.notify, true);
  assert.equal(down.cuir.cause, "refused");
  assert.equal(down.cuir.summary, `SSH 127.0.0.1:${server.port} down: refused`);
  assert.equal(down.cuir.previous, "up");
  assert.equal(down.cuir.failures, 2);
  assert.equal(typeof down.cuir.duration_ms, "number");
  const seen = cuir.probes();
  await eventually(() => cuir.probes() >= seen + 5);
  assert.equal(cuir.events.length, 1, "further failures are no events");
  await server.reopen();
  const up = await cuir.find(({ tags }) => tags.includes("up"));
  assert.equal(up.message, "RECOVERED: ssh server for HULK");
  assert.deepEqual(up.tags, ["cuir", "SSH", "up", "notification"]);
  assert.equal(up.cuir.episode, down.cuir.episode);
  assert.notEqual(up.moustash.id, down.moustash.id);
  await cuir.end();
  assert.equal(cuir.events.length, 2);
});

test("the first down notifies; reminders come while it is down; failures are sent when asked for", async () => {
  await using server = await listener();
  await server.close();
  const target = parseTarget("SSH", `127.0.0.1:${server.port}:x`);
  const cuir = run([target], { remind: 150, emit: "failures" });
  await cuir.find(({ tags }) => tags.includes("reminder"));
  await cuir.end();
  const [first, second] = cuir.events;
  assert.deepEqual(first.tags, ["cuir", "SSH", "failing"], "not yet confirmed");
  assert.deepEqual(second.tags, ["cuir", "SSH", "down", "notification"]);
  const third = cuir.events[2];
  assert.deepEqual(third.tags, ["cuir", "SSH", "down"]);
  const reminder = cuir.events.find(({ tags }) => tags.includes("reminder"));
  assert.deepEqual(reminder.tags, ["cuir", "SSH", "down", "reminder", "notification"]);
  assert.match(reminder.cuir.summary, /still down since \d{4}-/);
});

test("those who look see what the last probe saw, and nothing of an earlier one", async () => {
  await using server = await listener((socket) =>
    socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
  );
  const cuir = run([parseTarget("Shop", `http://127.0.0.1:${server.port}/ the shop`)]);
  await eventually(() => cuir.watch.snapshot()[0]?.evidence?.["http_status"] === 404);
  await server.close();
  await eventually(() => cuir.watch.snapshot()[0]?.cause === "refused");
  assert.equal(cuir.watch.snapshot()[0]?.evidence?.["http_status"], undefined);
  await cuir.end();
});

test("emit = all sends every probe, notify = none tags nobody", async () => {
  await using server = await listener();
  const cuir = run([parseTarget("SSH", `127.0.0.1:${server.port}:x`)], { emit: "all", notify: "none" });
  await eventually(() => cuir.events.length >= 3);
  await server.close();
  await cuir.find(({ tags }) => tags.includes("down"));
  await cuir.end();
  assert.ok(
    states(cuir.events)
      .slice(0, 3)
      .every((state) => state === "up"),
  );
  assert.ok(cuir.events.every(({ tags }) => !tags.includes("notification")));
});

test("what it knew outlives it: down before, up after, is told; down before, down after, is not", async () => {
  await using server = await listener();
  await server.close();
  const target = parseTarget("SSH", `127.0.0.1:${server.port}:x`);
  const store = openMemoryStore();
  const before = run([target], {}, { store });
  await before.find(({ tags }) => tags.includes("down"));
  await before.end();
  const between = run([target], {}, { store });
  await eventually(() => between.probes() >= 4);
  await between.end();
  assert.deepEqual(between.events, []);
  await server.reopen();
  const after = run([target], {}, { store });
  const up = await after.find(() => true);
  await after.end();
  assert.equal(up.message, "RECOVERED: x");
  assert.equal(up.cuir.episode, before.events[0].cuir.episode);
});

test("a list that changed between two lives is told, and what is the same is not", async () => {
  await using server = await listener();
  const store = openMemoryStore();
  const at = (program: string) => parseTarget(program, `127.0.0.1:${server.port}:x`);
  const live = async (programs: readonly string[], hash: string) => {
    const cuir = run(
      programs.map((program) => at(program)),
      {},
      { store, hash },
    );
    await eventually(() => cuir.probes() >= 1);
    await cuir.end();
    return cuir.events;
  };
  assert.deepEqual(await live(["A", "B"], "first"), []);
  assert.deepEqual(await live(["A", "B"], "first"), []);
  const [changed, ...more] = await live(["B", "C"], "second");
  assert.deepEqual(changed.tags, ["cuir", "configuration", "changed"]);
  assert.deepEqual([changed.cuir.hash, changed.cuir.added, changed.cuir.removed], ["second", ["C"], ["A"]]);
  assert.deepEqual(more, []);
});

test("a transition that was not accepted comes again with its id and its time", async () => {
  await using server = await listener();
  await server.close();
  const target = parseTarget("SSH", `127.0.0.1:${server.port}:x`);
  const store = openMemoryStore();
  const before = run([target], {}, { store, accept: async () => false });
  await before.find(({ tags }) => tags.includes("down"));
  await before.end();
  const after = run([target], {}, { store });
  const again = await after.find(() => true);
  await eventually(() => after.probes() >= 3);
  await after.end();
  assert.equal(after.events.length, 1);
  assert.equal(again.moustash.id, before.events[0].moustash.id);
  assert.equal(again["@timestamp"], before.events[0]["@timestamp"]);
});

test("while delivery stands still probing goes on, one change per target is kept, repeats are counted", async () => {
  await using server = await listener();
  const target = parseTarget("SSH", `127.0.0.1:${server.port}:x`);
  let release = () => {};
  const gate = new Promise<boolean>((resolve) => {
    release = () => resolve(true);
  });
  let held = false;
  const accept = () => {
    held = true;
    return gate;
  };
  const cuir = run([target], { interval: 2, recheck: 2, emit: "all" }, { accept });
  const probes = () => cuir.probes();
  // What comes in the batch that stands still can be replaced no more.
  await eventually(() => held);
  for (let turn = 0; turn < 2; turn += 1) {
    await server.close();
    await eventually(() => cuir.watch.snapshot()[0]?.status === "down");
    // Longer than what counts as a standstill.
    const until = performance.now() + 1100;
    await eventually(() => performance.now() > until);
    await server.reopen();
    await eventually(() => cuir.watch.snapshot()[0]?.status === "up");
  }
  await eventually(() => probes() > 1500);
  release();
  const lost = await cuir.find(({ tags }) => tags.includes("lost"));
  assert.ok(lost.cuir.programs.SSH > 0);
  await cuir.end();
  const changes = cuir.events.filter(({ moustash, cuir: { previous } }) => moustash.notify && previous);
  assert.equal(changes.length, 1, "the last change alone");
  assert.deepEqual(changes[0].tags, ["cuir", "SSH", "up", "notification"]);
  assert.equal(changes[0].cuir.replaced, 3);
  const seqs = cuir.events.map(({ moustash }) => moustash.seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
    "no gap: what was never sent has no number",
  );
});

test("a name that does not exist is the target's trouble", async () => {
  const cuir = run([parseTarget("DB", "no-such-name.invalid:22:x")], { timeout: 8000 });
  const event = await eventually(() => cuir.events[0] ?? cuir.watch.snapshot()[0]?.cause, 20_000);
  await cuir.end();
  assert.ok(["name_not_found", "resolver_away"].includes(event.cuir?.cause ?? event), String(event));
});

test("in a container a refusal at loopback names the remedies", async () => {
  await using server = await listener();
  await server.close();
  const cuir = run([parseTarget("DB", `127.0.0.1:${server.port}:x`)], {}, { inContainer: true });
  const { cuir: details } = await cuir.find(() => true);
  await cuir.end();
  assert.match(details.summary, /container itself.*host networking/);
});

test("a list that is read anew while we are in trouble ends no trouble: a probe that tells something does", async () => {
  await using server = await listener();
  // A broadcast: the kernel lets no TCP connection go there.
  const blind = parseTarget("SSH", "255.255.255.255:22:x");
  const cuir = run([blind]);
  await cuir.find(({ tags }) => tags.includes("trouble"));
  const settings = defaults({ interval: 60 });
  cuir.watch.replace({ targets: [blind], settings });
  await eventually(() => cuir.probes() >= 3);
  cuir.watch.replace({ targets: [parseTarget("SSH", `127.0.0.1:${server.port}:x`)], settings });
  await eventually(() => cuir.watch.snapshot()[0]?.status === "up");
  await cuir.end();
  assert.deepEqual(
    cuir.events.filter(({ program }) => program === "cuir").map(({ tags }) => tags[2]),
    ["trouble", "changed", "changed", "up"],
  );
});
