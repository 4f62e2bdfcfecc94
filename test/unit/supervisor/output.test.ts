// What processes wrote, as people may see it: no escapes, no secrets, bounded.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { cleanText, lastLines, maskSecrets } from "../../../src/supervisor/output.ts";

test("secrets are masked, and what is none is left", () => {
  for (const [text, shown] of [
    ["password=hunter2 is bad", "password=•••• is bad"],
    ['{"db_password": "a b", "n": 1}', '{"db_password": ••••, "n": 1}'],
    ["DB_PASSWD: x'y", "DB_PASSWD: ••••"],
    ["redis://user:pa%40ss@db:6379/0", "redis://user:••••@db:6379/0"],
    ["Authorization: Bearer abcdef123456.x", "Authorization: Bearer ••••"],
    ["api-key=abc&x=1", "api-key=••••&x=1"],
    ["AKIAIOSFODNN7EXAMPLE went", "•••• went"],
    ["the token was refused", "the token was refused"],
    ["http://localhost:8080/ is up", "http://localhost:8080/ is up"],
  ] as const) {
    assert.equal(maskSecrets(text), shown);
  }
  assert.equal(maskSecrets("card 4111-1111", /\d{4}-\d{4}/giu), "card ••••");
  assert.equal(
    maskSecrets("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nafter"),
    "••••\nafter",
  );
});

test("escapes and control characters go, the last state of a redrawn line stays", () => {
  assert.equal(cleanText("\u001b[1;31mred\u001b[0m\u0000 \u001b]0;title\u0007ok"), "red ok");
  assert.equal(cleanText("10 %\r50 %\r100 %\r\ndone\r\n"), "100 %\ndone\n");
});

test("whole last lines, within the bound, whatever the bytes", () => {
  const bytes = Buffer.from("cut line\nsecond\nthird\n");
  assert.equal(lastLines(bytes, { mostBytes: 100, cut: true }), "second\nthird");
  assert.equal(lastLines(bytes, { mostBytes: 8, cut: true }), "third");
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.boolean(),
      (raw, mostBytes, cut) => {
        const text = lastLines(raw, { mostBytes, cut });
        assert.ok(text.length <= mostBytes);
        assert.ok(text.isWellFormed());
      },
    ),
  );
});
