// Brokers' URLs: what they say, and what is wrong with them, never shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRabbitmqUrl, parseRedisUrl } from "../../../src/transport/settings.ts";

const given = (record: object) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

test("a URL says what it names, decoded", () => {
  assert.deepEqual(given(parseRedisUrl("redis://h")), { tls: false, host: "h" });
  assert.deepEqual(given(parseRedisUrl("rediss://u:p%25%23@[::1]:6380/2")), {
    tls: true,
    host: "::1",
    port: 6380,
    username: "u",
    password: "p%#",
    db: 2,
  });
  assert.deepEqual(given(parseRedisUrl("unix:///run/my%20redis.sock?db=3")), {
    tls: false,
    socket: "/run/my redis.sock",
    db: 3,
  });
  assert.deepEqual(given(parseRabbitmqUrl("amqps://u:p@h/%2Ftwo")), {
    tls: true,
    host: "h",
    port: 5671,
    username: "u",
    password: "p",
    vhost: "/two",
  });
});

test("a % that encodes nothing is wrong, and is not shown", () => {
  for (const text of [
    "redis://u:s3cret%zz@h",
    "redis://s3cret%zz@h",
    "unix:///s3cret%zz",
    "redis://:s3cret%ff@h",
  ])
    assert.throws(
      () => parseRedisUrl(text),
      (error: Error) => {
        assert.match(
          error.message,
          /a % in its (user|password|path) is no percent-encoding of UTF-8: write %25/,
        );
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      },
    );
  for (const text of ["amqp://u:p%zz@h", "amqp://u%zz@h", "amqp://h/%zz"])
    assert.throws(() => parseRabbitmqUrl(text), /write %25 for a % that is meant/);
});

test("a database is a number", () => {
  for (const text of ["redis://h/abc", "redis://h?db=x", "redis://h/1/key", "unix:///path?db=-1"])
    assert.throws(
      () => parseRedisUrl(text),
      /the database that it names must be a number: redis:\/\/host\/2/,
    );
  for (const text of ["redis://h/", "redis://h?db="]) assert.equal(parseRedisUrl(text).db, undefined);
});
