// Slips of the pen are near, other words are not.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assert as check, property, string } from "fast-check";
import { distance, suggest } from "../../../src/config/nearest.ts";

describe("the distance of two words", () => {
  it("counts letters added, removed, changed or swapped", () => {
    assert.equal(distance("redis_port", "redis_port"), 0);
    assert.equal(distance("redis_prot", "redis_port"), 1);
    assert.equal(distance("redisport", "redis_port"), 1);
    assert.equal(distance("interval", "intervall"), 1);
    assert.equal(distance("quir", "cuir"), 1);
    assert.equal(distance("", "abc"), 3);
  });

  it("is the same both ways, and none only to itself", () => {
    check(
      property(string(), string(), (a, b) => {
        assert.equal(distance(a, b), distance(b, a));
        assert.equal(distance(a, b) === 0, a === b);
        assert.ok(distance(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });
});

describe("a suggestion", () => {
  const known = ["redis_port", "redis_ip", "interval"];

  it("asks where a word is alike, and names the nearest where none is", () => {
    assert.equal(suggest("Redis_Prot", known), "; did you mean redis_port?");
    assert.equal(suggest("zzz", known), "; the nearest known one is redis_ip");
    assert.equal(suggest("x".repeat(1_000_000), known).startsWith("; the nearest"), true);
    assert.equal(suggest("x", []), "");
  });
});
