// What every store must do.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Json, Store } from "../../src/store/store.ts";

export function testStore(name: string, open: () => Store) {
  suite(name, () => {
    test("remembers, replaces and forgets, space by space", async () => {
      await using store = open();
      const value: Json = { number: 7, list: [1, "zwei", null], text: "é👩‍🚀\u0000" };
      await store.write(
        "one",
        new Map<string, Json>([
          ["a", value],
          ["b", false],
        ]),
      );
      await store.write("two", new Map([["a", "other"]]));
      assert.deepEqual(await store.get("one", "a"), value);
      assert.equal(await store.get("one", "b"), false);
      assert.equal(await store.get("one", "c"), undefined);
      await store.write(
        "one",
        new Map<string, Json | undefined>([
          ["b", undefined],
          ["c", 3],
          ["a", 1],
        ]),
      );
      assert.deepEqual(
        await store.entries("one"),
        new Map<string, Json>([
          ["a", 1],
          ["c", 3],
        ]),
      );
      assert.deepEqual(await store.entries("two"), new Map([["a", "other"]]));
      assert.deepEqual(await store.entries("three"), new Map());
    });
  });
}
