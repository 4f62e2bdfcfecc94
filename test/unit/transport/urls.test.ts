// A broker's URL is the settings that it names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/config.ts";
import { rabbitmqParts, redisParts } from "../../../src/transport/urls.ts";
import { parseRabbitmqUrl, parseRedisUrl, transportSettings } from "../../../src/transport/settings.ts";

const redis = (text: string) => redisParts(parseRedisUrl(text));
const rabbitmq = (text: string) => rabbitmqParts(parseRabbitmqUrl(text));

test("Redis: what the URL names, and nothing else", () => {
  assert.deepEqual(redis("redis://h"), { redis_socket: "none", redis_ip: "h" });
  assert.deepEqual(redis("rediss://u:p%40%2f@[::1]:6380/2"), {
    redis_socket: "none",
    redis_ip: "[::1]",
    redis_port: "6380",
    redis_username: "u",
    redis_password: "p@/",
    redis_db: "2",
    redis_tls: "on",
  });
  assert.deepEqual(redis("unix:///run/redis.sock?db=3"), { redis_socket: "/run/redis.sock", redis_db: "3" });
  assert.deepEqual(redisParts(undefined), {});
});

test("RabbitMQ: the port goes with the host", () => {
  assert.deepEqual(rabbitmq("amqps://guest:secret@h/%2Fa"), {
    rabbitmq_host: "h",
    rabbitmq_port: "5671",
    rabbitmq_username: "guest",
    rabbitmq_password: "secret",
    rabbitmq_vhost: "/a",
    rabbitmq_ssl: "on",
  });
  assert.deepEqual(rabbitmq("amqp://h:1"), { rabbitmq_host: "h", rabbitmq_port: "1" });
});

test("a URL wins over the settings in its own place and below, not over those before it", async () => {
  const sections = { Moustash: transportSettings };
  const load = async (env: Record<string, string>, flags: Record<string, string> = {}) => {
    const { values } = await loadConfig({
      sections,
      path: "none",
      env,
      flags: Object.entries(flags).map(([key, text]) => ({
        section: "Moustash",
        key,
        texts: [text],
        flag: `--${key}`,
      })),
    });
    const {
      redis_ip: [first],
      redis_port: port,
      redis_db: db,
    } = values.Moustash;
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
