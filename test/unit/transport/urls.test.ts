// A broker's URL is the settings that it names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/config.ts";
import { transportSettings } from "../../../src/transport/settings.ts";
import { parseRabbitmqUrl, parseRedisUrl } from "../../../src/transport/urls.ts";

type Texts = Readonly<Record<string, string>>;

async function valuesOf(env: Texts, flags: Texts) {
  const { values } = await loadConfig({
    sections: { Moustash: transportSettings },
    path: "none",
    env,
    flags: Object.entries(flags).map(([key, text]) => ({
      section: "Moustash",
      key,
      texts: [text],
      flag: `--${key}`,
    })),
  });
  return values.Moustash;
}

test("Redis: what the URL names, and nothing else", () => {
  assert.deepEqual(parseRedisUrl("redis://h"), { redis_socket: "none", redis_ip: "h" });
  assert.deepEqual(parseRedisUrl("rediss://u:p%40%2f@[::1]:6380/2"), {
    redis_socket: "none",
    redis_ip: "[::1]",
    redis_port: "6380",
    redis_username: "u",
    redis_password: "p@/",
    redis_db: "2",
    redis_tls: "on",
  });
  assert.deepEqual(parseRedisUrl("unix:///run/my%20redis.sock?db=3"), {
    redis_socket: "/run/my redis.sock",
    redis_db: "3",
  });
});

test("RabbitMQ: the port goes with the host", () => {
  assert.deepEqual(parseRabbitmqUrl("amqps://guest:secret@h/%2Fa"), {
    rabbitmq_host: "h",
    rabbitmq_port: "5671",
    rabbitmq_username: "guest",
    rabbitmq_password: "secret",
    rabbitmq_vhost: "/a",
    rabbitmq_ssl: "on",
  });
  assert.deepEqual(parseRabbitmqUrl("amqp://h:1"), { rabbitmq_host: "h", rabbitmq_port: "1" });
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
  for (const text of ["redis://h/", "redis://h?db="]) assert.equal("redis_db" in parseRedisUrl(text), false);
});

test("a URL wins over the settings in its own place and below, not over those before it", async () => {
  const load = async (env: Texts, flags: Texts = {}) => {
    const {
      redis_ip: [first],
      redis_port: port,
      redis_db: db,
    } = await valuesOf(env, flags);
    return [first?.host, port, db];
  };
  const env = { MOUSTASH_REDIS_URL: "redis://far:1/5" };
  assert.deepEqual(await load(env), ["far", 1, 5]);
  assert.deepEqual(await load({ ...env, MOUSTASH_REDIS_IP: "near", MOUSTASH_REDIS_PORT: "2" }), [
    "far",
    1,
    5,
  ]);
  assert.deepEqual(await load(env, { redis_ip: "near", redis_port: "2" }), ["near", 2, 5]);
  assert.deepEqual(await load({ MOUSTASH_REDIS_URL: "none", MOUSTASH_REDIS_IP: "near" }), ["near", 6379, 0]);
});

test("a place that is named nearer replaces another kind of place", async () => {
  const place = async (env: Texts, flags: Texts) => {
    const {
      redis_ip: [first],
      redis_socket: socket,
      redis_sentinels: sentinels,
    } = await valuesOf(env, flags);
    return socket ?? (sentinels ? `sentinels ${sentinels[0]!.host}` : first!.host);
  };
  const socket = { MOUSTASH_REDIS_SOCKET: "/run/far.sock" };
  const sentinels = { MOUSTASH_REDIS_SENTINELS: "far", MOUSTASH_REDIS_SENTINEL_NAME: "m" };
  const ip = { MOUSTASH_REDIS_IP: "far" };
  assert.equal(await place(socket, { redis_ip: "near" }), "near");
  assert.equal(await place(sentinels, { redis_ip: "near" }), "near");
  assert.equal(await place(sentinels, { redis_url: "redis://near" }), "near");
  assert.equal(await place(sentinels, { redis_socket: "/run/near.sock" }), "/run/near.sock");
  assert.equal(await place(socket, { redis_sentinels: "near", redis_sentinel_name: "m" }), "sentinels near");
  assert.equal(await place(sentinels, { redis_socket: "none" }), "sentinels far");
  assert.equal(await place({ ...ip, ...socket }, {}), "/run/far.sock");
  assert.equal(await place({ ...ip, ...socket }, { redis_socket: "none" }), "far");
});
