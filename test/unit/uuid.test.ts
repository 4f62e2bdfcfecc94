// Ids: the form that RFC 9562 gives version 7, never twice, in the order of time.
import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import { flat } from "../../src/flat.ts";
import { uuidv7 } from "../../src/uuid.ts";

test("an id has version 7, the variant, and the time in its first 48 bits", () => {
  const before = Date.now();
  const id = uuidv7();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const atMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  assert.ok(atMs >= before && atMs <= Date.now());
});

test("no id comes twice, also beyond what was fetched ahead, and every variant occurs", () => {
  const ids = Array.from({ length: 5000 }, uuidv7);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(new Set(ids.map((id) => id[19])).size, 4);
  const times = ids.map((id) => id.slice(0, 13));
  assert.deepEqual(times, times.toSorted());
});

test("ids are made while no file can be opened, and where none can be made none comes twice afterwards", (t) => {
  const ids = [uuidv7()];
  const fail = () => {
    throw new Error("EMFILE: too many open files");
  };
  const make = (count: number) => {
    let failed = 0;
    for (let call = 0; call < count; call += 1) {
      try {
        ids.push(uuidv7());
      } catch {
        failed += 1;
      }
    }
    return failed;
  };
  t.mock.method(fs, "openSync", fail);
  syncBuiltinESMExports();
  assert.equal(make(1000), 0);
  const reading = t.mock.method(fs, "readSync", fail);
  syncBuiltinESMExports();
  assert.ok(make(500) > 0);
  reading.mock.restore();
  syncBuiltinESMExports();
  assert.equal(make(1000), 0);
  t.mock.restoreAll();
  syncBuiltinESMExports();
  const randomParts = ids.map((id) => id.slice(14));
  assert.equal(new Set(randomParts).size, ids.length);
});

test("a flat id is the same text, and stays so when the next one is made", () => {
  const first = flat("01a209a1-3131-76da-bbca-cbb711c00bac");
  flat("ffffffff-ffff-7fff-bfff-ffffffffffff");
  assert.equal(first, "01a209a1-3131-76da-bbca-cbb711c00bac");
});

test("a text that is not ASCII, or long, stays as it is", () => {
  for (const text of [
    "",
    "é",
    "x".repeat(511) + "ü",
    "€".repeat(512),
    "\u{1f680}",
    "x".repeat(2000),
    "x".repeat(4095) + "ü",
    "€".repeat(4096),
    "x".repeat(4096),
    "x".repeat(4097),
    "\ud800",
  ])
    assert.equal(flat(text), text);
});
