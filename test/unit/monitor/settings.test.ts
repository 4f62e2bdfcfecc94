import assert from "node:assert/strict";
import { test } from "node:test";
import { accessOf, formatHttpAddress, parseHttpAddress } from "../../../src/monitor/settings.ts";

test("addresses are read as they are written", () => {
  for (const text of ["127.0.0.1:9797", "[::]:9798", "[::1]:80", "localhost:9797", "0.0.0.0:65535"])
    assert.equal(formatHttpAddress(parseHttpAddress(text)!), text);
  assert.equal(parseHttpAddress("none"), undefined);
  assert.equal(parseHttpAddress("OFF"), undefined);
});

test("what is no address says how one is written", () => {
  for (const text of [
    "9797",
    ":9797",
    "::1:9797",
    "127.0.0.1",
    "127.0.0.1:70000",
    "300.1.1.1:80",
    "web.example:80",
    "[web]:80",
    "",
  ])
    assert.throws(() => parseHttpAddress(text), /write 127\.0\.0\.1:9797/, text);
});

test("half of a pair is an error: nobody's page shall be open by mistake", () => {
  const none = { http_token: undefined, http_user: undefined, http_password: undefined };
  assert.throws(() => accessOf({ ...none, http_user: "ops" }), /belong together/);
  assert.throws(() => accessOf({ ...none, http_password: "secret" }), /belong together/);
  assert.deepEqual(accessOf({ ...none, http_token: "t" }), {
    token: "t",
    user: undefined,
    password: undefined,
  });
});
