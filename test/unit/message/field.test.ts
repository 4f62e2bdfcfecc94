// Fields as they are written on a command line.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseField, plantFields } from "../../../src/message/field.ts";

const plant = (...texts: string[]): unknown => JSON.parse(JSON.stringify(plantFields(texts.map(parseField))));

test("text, JSON and nesting", () => {
  assert.deepEqual(plant("k=v"), { k: "v" });
  assert.deepEqual(plant("k=a=b", "empty=", "url=http://x:=y"), { k: "a=b", empty: "", url: "http://x:=y" });
  assert.deepEqual(plant("n:=3", "t:=true", "z:=null", 'o:={"a":[1]}', 's:="x"'), {
    n: 3,
    t: true,
    z: null,
    o: { a: [1] },
    s: "x",
  });
  assert.deepEqual(plant("a.b=c", "a.d.e:=1"), { a: { b: "c", d: { e: 1 } } });
  assert.deepEqual(plant("a\\.b=c"), { "a.b": "c" });
  assert.equal(
    JSON.stringify(plantFields([parseField("n:=12345678901234567890")])),
    '{"n":12345678901234567890}',
  );
});

test("names of a prototype are names", () => {
  assert.equal(
    JSON.stringify(plantFields(["__proto__.x=1", "constructor=2"].map(parseField))),
    '{"__proto__":{"x":"1"},"constructor":"2"}',
  );
  const said = JSON.parse('{"__proto__":{"y":1},"a":{"b":2}}') as Record<string, unknown>;
  const more = ["__proto__.x=1", "constructor.x=2", "a.__proto__.x=3", "a.valueOf=4"].map(parseField);
  assert.equal(
    JSON.stringify(plantFields(more, said)),
    '{"__proto__":{"y":1,"x":"1"},"a":{"b":2,"__proto__":{"x":"3"},"valueOf":"4"},"constructor":{"x":"2"}}',
  );
  assert.equal(({} as { x?: string }).x, undefined);
});

test("what contradicts is named", () => {
  assert.throws(() => plant("a=1", "a.b=2"), /^Error: a= and a\.b= cannot both be set$/);
  assert.throws(() => plant("a.b=2", "a=1"), /a\.b= and a= cannot both/);
  assert.throws(() => plant("a.b.c=2", "a.b=1"), /a\.b\.c= and a\.b= cannot both/);
  assert.throws(() => plant('a:={"b":1}', "a.c=1"), /a= and a\.c= cannot both/);
  assert.throws(() => plant("a=1", "a=2"), /a= is given twice/);
  assert.throws(() => plant("a.b=1", "a.b=2"), /a\.b= is given twice/);
});

test("what is no field says so", () => {
  assert.throws(() => parseField("word"), /"word" has no "="/);
  assert.throws(() => parseField("=v"), /empty name/);
  assert.throws(() => parseField(":=3"), /empty name/);
  assert.throws(() => parseField("a..b=v"), /empty name/);
  assert.throws(() => parseField("n:=three"), /after ":=" comes JSON/);
});

test("any text comes back as it was", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: "binary" }), (name, value) => {
      assert.deepEqual(plantFields([parseField(`${name}=${value}`)])[name], value);
    }),
  );
});
