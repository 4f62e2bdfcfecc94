// What strangers send is made fit for an event.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { causes } from "../../../src/probe/cause.ts";
import { cleanText, failFrom } from "../../../src/probe/outcome.ts";

test("whatever was sent becomes one bounded, printable, well-formed line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
      const clean = cleanText(text);
      assert.ok(clean.length <= 200);
      assert.ok(clean.isWellFormed());
      assert.doesNotMatch(clean, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }),
  );
  assert.equal(cleanText("\u001B[31mSSH-2.0\u001B[0m\r\n"), "[31mSSH-2.0 [0m");
});

test("codes of the system become causes; a stranger's code is told", () => {
  const of = (code: string) => failFrom(Object.assign(new Error("x"), { code }));
  assert.equal(of("ECONNREFUSED").cause, "refused");
  assert.equal(of("EMFILE").verdict, "unknown");
  assert.deepEqual(of("EWEIRD"), { verdict: "down", cause: "failed", detail: "EWEIRD" });
});

test("our own trouble is never the target's", () => {
  for (const [cause, { verdict, layer }] of Object.entries(causes))
    assert.equal(verdict === "unknown", layer === "prober", cause);
});
