// Every store keeps the contract of stores; the one on disk also survives its file.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDiskThread } from "../../../src/disk.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { openStore } from "../../../src/store/open.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { testStore } from "../../contract/store.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-store-"));
const thread = openDiskThread();
after(async () => {
  await thread[Symbol.asyncDispose]();
  fs.rmSync(root, { recursive: true });
});
const fresh = () => fs.mkdtempSync(join(root, "s-"));

testStore("memory", openMemoryStore);
testStore("SQLite, in the calling thread", () => openStore({ directory: fresh() }));
testStore("SQLite, in a thread of its own", () => openStore({ directory: fresh(), thread }));

test("remembers beyond its own life, and the latest of what a damaged file holds", async () => {
  const directory = fresh();
  const reports: string[] = [];
  for (let life = 1; life <= 3; life += 1) {
    await using store = openSqliteStore({ directory });
    assert.equal(await store.get("space", "life"), life === 1 ? undefined : life - 1);
    await store.write("space", new Map([["life", life]]));
  }
  const file = join(directory, "store", "store.sqlite");
  fs.writeFileSync(file, fs.readFileSync(file).fill(0xff, 0, 300));
  await using store = openSqliteStore({ directory, report: (message) => reports.push(message) });
  assert.equal(await store.get("space", "life"), 3);
  assert.match(reports.join(), /^store: the database was damaged; 1 rows were recovered/);
});

test("makes its directory with the first change", async () => {
  const directory = join(fresh(), "not", "yet");
  const reports: string[] = [];
  for (const life of [1, 2]) {
    await using store = openSqliteStore({ directory, report: (message) => reports.push(message) });
    assert.equal(await store.get("space", "life"), life === 1 ? undefined : 1);
    await store.write("space", new Map([["life", life]]));
  }
  assert.deepEqual(reports, []);
});

test("where the disk says no, it says so once and remembers in memory", async () => {
  const directory = fresh();
  fs.writeFileSync(join(directory, "store"), "a file where the folder should be");
  fs.writeFileSync(join(directory, "store.new"), "and here");
  const blocked = join(directory, "store", "deeper");
  const reports: string[] = [];
  await using store = openSqliteStore({ directory: blocked, report: (message) => reports.push(message) });
  await store.write("space", new Map([["a", 1]]));
  await store.write("space", new Map([["b", 2]]));
  assert.deepEqual(
    await store.entries("space"),
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
  );
  assert.equal(reports.length, 1);
  fs.unlinkSync(join(directory, "store"));
  fs.mkdirSync(blocked, { recursive: true });
  await store.write("space", new Map([["a", 3]]));
  await using again = openSqliteStore({ directory: blocked });
  assert.deepEqual(
    await again.entries("space"),
    new Map([
      ["a", 3],
      ["b", 2],
    ]),
  );
});
