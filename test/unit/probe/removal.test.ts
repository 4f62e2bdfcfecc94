// What is said of a target that is watched no more, by a new list and by one that came with a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeSilence } from "../../../src/probe/silence.ts";
import { type Target, parseTarget } from "../../../src/probe/target.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { type Decoded, type Run, defaults, eventually, listener, run } from "./harness.ts";

const about =
  (program: string, ...tags: string[]) =>
  (event: Decoded) =>
    event.program === program && tags.every((tag) => event.tags.includes(tag));
const target = (program: string, port: number, values: Target["values"] = {}) => ({
  ...parseTarget(program, `127.0.0.1:${port}:call Anna`),
  values,
});

/** Two probes of each target from now on. */
async function twoProbes(cuir: Run) {
  const before = new Map(cuir.watch.snapshot().map((one) => [one.target.program, one.probes]));
  await eventually(() =>
    cuir.watch.snapshot().every((one) => one.probes >= 2 + (before.get(one.target.program) ?? 0)),
  );
}

const remembered = async (store: Store) => [...(await store.entries("cuir.targets")).keys()].toSorted();

test("down, told, and taken off the list: that is the end, once, and nothing of it comes back", async () => {
  await using gone = await listener();
  await using other = await listener();
  await gone.close();
  const store = openMemoryStore();
  const [shop, rest] = [
    target("Shop", gone.port, { tags: ["eu"], severity: "high" }),
    target("Rest", other.port),
  ];
  const settings = defaults();
  const cuir = run([shop, rest], {}, { store });
  const down = await cuir.find(about("Shop", "down", "notification"));
  cuir.watch.replace({ targets: [rest], settings });
  const end = await cuir.find(about("Shop", "removed"));
  assert.deepEqual(end.tags, ["cuir", "Shop", "removed", "eu", "notification"]);
  assert.equal(end.message, "REMOVED: call Anna");
  assert.match(end.cuir.summary, /^Shop 127\.0\.0\.1:\d+ removed: watched no more, down since \d{4}-/);
  assert.deepEqual(
    [end.cuir.status, end.cuir.previous, end.cuir.episode, end.cuir.severity],
    ["removed", "down", down.cuir.episode, "high"],
  );
  assert.ok(end.cuir.transition > down.cuir.transition);
  await gone.reopen();
  cuir.watch.replace({ targets: [shop, rest], settings });
  await twoProbes(cuir);
  cuir.watch.replace({ targets: [rest], settings });
  await cuir.end();
  assert.equal(cuir.events.filter(about("Shop", "removed")).length, 1, "of what is up nothing has to end");
  assert.equal(cuir.events.filter(about("Shop", "up")).length, 0);
  assert.deepEqual(await remembered(store), [`Rest 127.0.0.1:${other.port}`]);
});

test("another address is another target: the old one ends, and is forgotten when it comes back", async () => {
  await using closed = await listener();
  await using open = await listener();
  await closed.close();
  const settings = defaults();
  const cuir = run([target("Shop", closed.port)]);
  await cuir.find(about("Shop", "down"));
  cuir.watch.replace({ targets: [target("Shop", open.port)], settings });
  const end = await cuir.find(about("Shop", "removed", "notification"));
  assert.equal(end.source, `127.0.0.1:${closed.port}`);
  await twoProbes(cuir);
  await closed.reopen();
  cuir.watch.replace({ targets: [target("Shop", closed.port)], settings });
  await twoProbes(cuir);
  await cuir.end();
  assert.deepEqual(
    cuir.events.filter(({ program }) => program === "Shop").map(({ tags }) => tags[2]),
    ["down", "removed"],
  );
});

test("an episode that people did not hear of ends for the record alone", async () => {
  await using server = await listener();
  await server.close();
  const store = openMemoryStore();
  const sinceMs = Date.now();
  await writeSilence(store, { program: "shop", reason: "x", sinceMs, untilMs: sinceMs + 60_000 }, sinceMs);
  const cuir = run(
    [target("Shop", server.port), target("Mute", server.port, { notify: "none" })],
    {},
    { store },
  );
  await cuir.find(about("Shop", "down"));
  await cuir.find(about("Mute", "down"));
  cuir.watch.replace({ targets: [], settings: defaults() });
  assert.deepEqual((await cuir.find(about("Shop", "removed"))).tags, ["cuir", "Shop", "removed", "silenced"]);
  assert.deepEqual((await cuir.find(about("Mute", "removed"))).tags, ["cuir", "Mute", "removed"]);
  await cuir.end();
});

test("the same with a restart, and an end that was not accepted comes again with its id", async () => {
  await using gone = await listener();
  await using other = await listener();
  await gone.close();
  const store = openMemoryStore();
  const [shop, rest] = [target("Shop", gone.port), target("Rest", other.port)];
  const first = run([shop, rest], {}, { store, hash: "1" });
  const down = await first.find(about("Shop", "down"));
  await eventually(() => first.watch.snapshot()[1]?.status === "up");
  await first.end();
  const second = run([rest], {}, { store, hash: "2", accept: async () => false });
  const end = await second.find(about("Shop", "removed"));
  await second.end();
  assert.deepEqual(end.tags, ["cuir", "Shop", "removed", "notification"]);
  assert.equal(end.cuir.episode, down.cuir.episode);
  const third = run([rest], {}, { store, hash: "2" });
  const again = await third.find(about("Shop", "removed"));
  await third.end();
  assert.equal(again.moustash.id, end.moustash.id);
  assert.deepEqual(await remembered(store), [`Rest 127.0.0.1:${other.port}`]);
  await gone.reopen();
  const fourth = run([shop, rest], {}, { store, hash: "1" });
  await eventually(() => fourth.watch.snapshot().every(({ probes }) => probes >= 2));
  await fourth.end();
  assert.equal(fourth.events.filter(about("Shop")).length, 0, "up at first sight is silent");
});

test("the targets of another Cuir, whose orders lie in the same store, are not ours to leave", async () => {
  await using server = await listener();
  await server.close();
  const store = openMemoryStore();
  const theirs = run([target("Shop", server.port)], {}, { store, hash: "1", list: "theirs" });
  await theirs.find(about("Shop", "down"));
  await theirs.end();
  const ours = run([target("Rest", server.port)], {}, { store, hash: "2", list: "ours" });
  await ours.find(about("Rest", "down"));
  await ours.end();
  assert.equal(ours.events.filter(about("Shop")).length, 0);
  assert.equal((await remembered(store)).length, 2);
});

test("what was on its way when its target was removed arrives, and leaves no memory", async () => {
  await using server = await listener();
  await using other = await listener();
  await other.close();
  const store = openMemoryStore();
  const { promise: room, resolve: give } = Promise.withResolvers<boolean>();
  let isHeld = false;
  const accept = () => {
    isHeld = true;
    return room;
  };
  const targets = [target("Shop", server.port), target("Rest", other.port)];
  const cuir = run(targets, {}, { store, accept });
  await eventually(() => isHeld && cuir.watch.snapshot()[0]?.status === "up");
  await server.close();
  await eventually(() => cuir.watch.snapshot()[0]?.status === "down");
  // Of these one is being sent, and one waits behind it.
  cuir.watch.replace({ targets: [], settings: defaults() });
  let keys: readonly string[] = [];
  await eventually(() => {
    void remembered(store).then((found) => (keys = found));
    return keys.filter((key) => key.endsWith(" removed")).length === 2;
  });
  give(true);
  await cuir.find(about("Shop", "removed"));
  await cuir.end();
  for (const program of ["Shop", "Rest"])
    assert.deepEqual(
      cuir.events.filter(about(program)).map(({ tags }) => tags[2]),
      ["down", "removed"],
    );
  assert.deepEqual(await remembered(store), []);
});
