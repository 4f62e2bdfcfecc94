// Logstash's input, made from our own configuration.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type RedisReader, rabbitmqReader, redisReader } from "../../../src/message/reader.ts";

const redis: RedisReader = {
  host: "redis",
  port: 6379,
  db: 0,
  key: "logstash:moustash",
  hasPassword: false,
  username: undefined,
  socket: undefined,
  tls: false,
  ca: undefined,
  several: false,
  sentinel: false,
  cluster: false,
};

test("redis", () => {
  assert.equal(
    redisReader(redis).input,
    `input {
  redis {
    host      => "redis"
    port      => 6379
    data_type => "list"
    key       => "logstash:moustash"
    codec     => "json"
  }
}`,
  );
  const { input } = redisReader({ ...redis, db: 3, hasPassword: true, tls: true, key: 'a"b' });
  for (const line of [/db +=> 3/, /password +=> "\$\{REDIS_PASSWORD\}"/, /ssl +=> true/, /key +=> 'a"b'/])
    assert.match(input, line);
  assert.match(redisReader({ ...redis, socket: "/run/redis.sock" }).input, /path +=> "\/run\/redis.sock"/);
});

test("what the input cannot do is said", () => {
  const { notes } = redisReader({
    ...redis,
    username: "u",
    ca: "/ca",
    several: true,
    sentinel: true,
    cluster: true,
    key: "a:%{type}",
  });
  for (const what of [/ACL/, /certificate authority/, /Several/, /Sentinel/, /Cluster/, /each key/]) {
    assert.ok(
      notes.some((note) => what.test(note)),
      String(what),
    );
  }
  assert.equal(redisReader(redis).notes.length, 1);
});

test("rabbitmq: passive, with our names", () => {
  const { input } = rabbitmqReader({
    host: "mq",
    port: 5671,
    vhost: "shop",
    username: "u",
    queue: "q",
    tls: true,
  });
  for (const line of [
    /host +=> "mq"/,
    /vhost +=> "shop"/,
    /queue +=> "q"/,
    /passive +=> true/,
    /ssl +=> true/,
  ])
    assert.match(input, line);
});
