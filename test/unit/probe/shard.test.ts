// One list over several Cuirs: every target has one, and few move.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseShard, shardIndex, shardOf } from "../../../src/probe/shard.ts";

const keys = Array.from({ length: 5000 }, (_, index) => `Web${index} 10.0.${index >> 8}.${index & 255}:80`);

test("is read, and says what is wrong", () => {
  assert.deepEqual(parseShard("2/5"), { index: 2, of: 5 });
  assert.deepEqual(parseShard("host/3"), { index: "host", of: 3 });
  for (const text of ["0/5", "6/5", "1/0", "2", "a/b", "1/1001", "1/300000000", "host/1001"])
    assert.throws(() => parseShard(text), /shard|part/, text);
});

test("a StatefulSet's ordinal is the part", () => {
  assert.equal(shardIndex({ index: "host", of: 3 }, "cuir-0.cuir.default"), 1);
  assert.equal(shardIndex({ index: "host", of: 3 }, "cuir-2"), 3);
  assert.throws(() => shardIndex({ index: "host", of: 3 }, "cuir-3"), /must end in a number from 0 to 2/);
  assert.throws(() => shardIndex({ index: "host", of: 3 }, "web"), /must end in a number/);
});

test("parts are of like size, and one part more moves targets to it alone", () => {
  for (const parts of [2, 3, 5, 8]) {
    const counts = Array<number>(parts).fill(0);
    for (const key of keys) counts[shardOf(key, parts) - 1]! += 1;
    for (const count of counts)
      assert.ok(Math.abs(count - keys.length / parts) < keys.length / parts / 4, String(counts));
    const moved = keys.filter((key) => shardOf(key, parts) !== shardOf(key, parts + 1));
    assert.ok(moved.every((key) => shardOf(key, parts + 1) === parts + 1));
    assert.ok(moved.length < (1.3 * keys.length) / (parts + 1));
  }
});

test("any target has exactly one part", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (key, of) => {
      const part = shardOf(key, of);
      assert.ok(part >= 1 && part <= of && part === shardOf(key, of));
    }),
  );
});
