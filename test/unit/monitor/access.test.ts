import assert from "node:assert/strict";
import { test } from "node:test";
import { createGuard } from "../../../src/monitor/access.ts";

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

test("without a secret everybody may read", () => {
  assert.equal(createGuard({})(undefined), true);
  assert.equal(createGuard({ user: "somebody" })(undefined), true);
});

test("a token comes as a bearer's or as any user's password", () => {
  const isAllowed = createGuard({ token: "s3:cret" });
  assert.equal(isAllowed("Bearer s3:cret"), true);
  assert.equal(isAllowed("bearer s3:cret"), true);
  assert.equal(isAllowed(basic("anybody:s3:cret")), true);
  for (const wrong of [
    undefined,
    "",
    "Bearer",
    "Bearer s3:cre",
    "Bearer s3:crets",
    "s3:cret",
    basic("s3:cret:"),
    "Basic !!",
  ])
    assert.equal(isAllowed(wrong), false, wrong ?? "");
});

test("a user goes with the password", () => {
  const isAllowed = createGuard({ user: "ops", password: "pass:word" });
  assert.equal(isAllowed(basic("ops:pass:word")), true);
  for (const wrong of [
    basic("ops:"),
    basic("dev:pass:word"),
    basic("opspass:word"),
    "Bearer pass:word",
    undefined,
  ])
    assert.equal(isAllowed(wrong), false, wrong ?? "");
});
