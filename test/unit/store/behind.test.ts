// What a store that writes behind keeps when its process is gone, and when its disk or its memory says no.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type BehindOptions, writeBehind } from "../../../src/store/behind.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import type { Store } from "../../../src/store/store.ts";
import { testStore } from "../../contract/store.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-behind-"));
after(() => fs.rmSync(root, { recursive: true }));
let names = 0;
const freshPath = () => join(root, `log-${(names += 1)}`);

/** A store that notes what it is given; `holds` decides when, and `fails` whether. */
function disk(store: Store = openMemoryStore()) {
  const given: string[][] = [];
  const state: { holds?: Promise<void>; fails?: Error; given: string[][] } = { given };
  const watched: Store = {
    ...store,
    get: (space, key) => store.get(space, key),
    entries: (space) => store.entries(space),
    async write(space, changes) {
      await state.holds;
      if (state.fails) throw state.fails;
      given.push([...changes.keys()]);
      await store.write(space, changes);
    },
    [Symbol.asyncDispose]: async () => {},
  };
  return { state, store: watched };
}

const never = { behindMs: 2 ** 30 };
const open = (store: Store, path: string, more: Partial<BehindOptions> = {}) =>
  writeBehind(store, { path, ...more });

testStore("write-behind", () =>
  open(openSqliteStore({ directory: fs.mkdtempSync(join(root, "s-")) }), freshPath()),
);

test("changes reach the store behind together, and leave the log empty", async () => {
  const { state, store } = disk();
  const path = freshPath();
  await using behind = open(store, path, { behindMs: 5 });
  for (const key of ["a", "b", "c"]) await behind.write("space", new Map([[key, 1]]));
  assert.deepEqual(state.given, []);
  assert.ok(fs.statSync(path).size > 0);
  assert.equal(await behind.get("space", "b"), 1);
  while (fs.statSync(path).size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(state.given, [["a", "b", "c"]]);
  assert.equal(await behind.get("space", "b"), 1);
});

test("who comes after one that was killed finds all of it, in order, but half a line", async () => {
  const path = freshPath();
  const { state, store } = disk();
  const killed = open(store, path, never);
  await killed.write("space", new Map([["a", 1]]));
  await killed.write("space", new Map<string, number | undefined>([["b", 2]]));
  await killed.write("other", new Map([["c", null]]));
  await killed.write("space", new Map([["a", undefined]]));
  assert.deepEqual(state.given, []);
  fs.appendFileSync(path, '["space",["b",3');
  await using next = open(store, path, never);
  assert.deepEqual(await next.entries("space"), new Map([["b", 2]]));
  assert.equal(await next.get("other", "c"), null);
  assert.deepEqual(await store.entries("space"), new Map([["b", 2]]));
  assert.equal(fs.statSync(path).size, 0);
});

test("a log that grew waits for the disk, and is empty then", async () => {
  const path = freshPath();
  const { state, store } = disk();
  await using behind = open(store, path, { ...never, mostBytes: 100 });
  let writes = 0;
  for (; state.given.length === 0; writes += 1) await behind.write("space", new Map([[`key ${writes}`, 1]]));
  assert.ok(writes > 3 && writes < 10, `${writes} writes`);
  assert.equal(fs.statSync(path).size, 0);
  assert.equal((await store.entries("space")).size, writes);
});

test("nothing leaves the log that came while the disk took its time", async () => {
  const path = freshPath();
  const { state, store } = disk();
  const gate = Promise.withResolvers<void>();
  state.holds = gate.promise;
  const killed = open(store, path, { behindMs: 1 });
  await killed.write("space", new Map([["a", 1]]));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await killed.write("space", new Map([["a", 2]]));
  assert.equal(await killed.get("space", "a"), 2);
  const another = disk();
  const copy = freshPath();
  fs.copyFileSync(path, copy);
  fs.chmodSync(copy, 0o600);
  await using next = open(another.store, copy, never);
  assert.equal(await next.get("space", "a"), 2);
  gate.resolve();
  await killed[Symbol.asyncDispose]();
  assert.equal(await store.get("space", "a"), 2);
  assert.ok(!fs.existsSync(path));
});

test("what the store behind does not take is told once, kept in the log, and tried again", async () => {
  const path = freshPath();
  const { state, store } = disk();
  const reports: string[] = [];
  state.fails = new Error("no thread");
  await using behind = open(store, path, { behindMs: 1, report: (message) => reports.push(message) });
  await behind.write("space", new Map([["a", 1]]));
  while (reports.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await behind.write("space", new Map([["b", 1]]));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(reports, ["what is to be remembered waits in memory: no thread"]);
  assert.ok(fs.statSync(path).size > 0);
  delete state.fails;
  while (fs.statSync(path).size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(
    await store.entries("space"),
    new Map([
      ["a", 1],
      ["b", 1],
    ]),
  );
});

test("a log that could be somebody else's is left alone, and each change waits for the disk", async () => {
  const target = join(root, "target");
  fs.writeFileSync(target, '["space",["a",9]]\n', { mode: 0o600 });
  const link = freshPath();
  fs.symlinkSync(target, link);
  const open644 = freshPath();
  fs.writeFileSync(open644, '["space",["a",9]]\n');
  fs.chmodSync(open644, 0o644);
  for (const path of [link, open644]) {
    const { state, store } = disk();
    const reports: string[] = [];
    const behind = open(store, path, { ...never, report: (message) => reports.push(message) });
    assert.equal(await behind.get("space", "a"), undefined);
    await behind.write("space", new Map([["b", 1]]));
    assert.deepEqual(state.given, [["b"]]);
    assert.match(reports.join(), /cannot be used/);
    await behind[Symbol.asyncDispose]();
    assert.ok(fs.existsSync(path));
  }
  assert.equal(fs.readFileSync(target, "utf8"), '["space",["a",9]]\n');
});
