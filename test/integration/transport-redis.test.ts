// The Redis transport against a real server: the contract of every transport, and what is Redis' own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import { assertRejects, bodies, type Broker, makeEvents, testTransport } from "../contract/transport.ts";
import { freePort } from "../servers/server.ts";
import { type RedisServer, type RedisServerOptions, startRedis, withoutRedis } from "../servers/redis.ts";
import { redisPrograms } from "../servers/release.ts";
import { transportValues } from "../servers/transport-values.ts";

const key = "logstash:moustash";
const options = { timeoutMs: 60_000 };

function brokerOf(server: RedisServer, texts: Record<string, string | number>): Broker {
  return {
    connect: () => connectTransport(transportValues(texts), { inContainer: false }),
    events: () => server.list(key),
    stop: () => server.stop(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function setUp(settings: RedisServerOptions = {}, texts: Record<string, string | number> = {}) {
  const server = await startRedis(settings);
  const values = transportValues({ redis_ip: "127.0.0.1", redis_port: server.port, ...texts });
  const transport = connectTransport(values, { inContainer: false });
  return {
    server,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

testTransport(
  "redis",
  async () => {
    const server = await startRedis();
    return brokerOf(server, { redis_ip: "127.0.0.1", redis_port: server.port });
  },
  { skip: withoutRedis },
);

testTransport(
  "redis, unix socket",
  async () => {
    const server = await startRedis();
    return brokerOf(server, { redis_socket: server.socket });
  },
  { skip: withoutRedis },
);

testTransport(
  "redis, ACL user",
  async () => {
    const server = await startRedis({ config: ["user shipper on >secret ~logstash:* +rpush +llen +type"] });
    const login = { redis_username: "shipper", redis_password: "secret" };
    return brokerOf(server, { redis_ip: "127.0.0.1", redis_port: server.port, ...login });
  },
  { skip: withoutRedis },
);

describe("redis", { skip: withoutRedis }, () => {
  it(`runs on ${redisPrograms.title}`, async () => {
    await using server = await startRedis();
    const info = String(await server.command("INFO", "server"));
    const [product = "", version = ""] = redisPrograms.title.split(" ");
    assert.match(info, new RegExp(`${product}_version:${version.replaceAll(".", "\\.")}`, "i"));
  });

  it("selects the database, and fills the key", async () => {
    await using at = await setUp({}, { redis_db: 3, redis_namespace: "m:%{type}:%{program}" });
    const events = [...makeEvents(2, { program: "a" }), ...makeEvents(2, { program: "b" })];
    await at.transport.send(events, options);
    await at.server.command("SELECT", 3);
    assert.deepEqual(await at.server.list("m:panpan:a"), bodies(events.slice(0, 2)));
    assert.deepEqual(await at.server.list("m:panpan:b"), bodies(events.slice(2)));
  });

  it("takes a URL with user, password and database", async () => {
    await using server = await startRedis({ config: [`user shipper on ">p%#:@ss" ~* +@all`] });
    const url = `redis://shipper:${encodeURIComponent("p%#:@ss")}@127.0.0.1:${server.port}/2`;
    await using transport = connectTransport(transportValues({ redis_url: url }));
    const events = makeEvents(1);
    await transport.send(events, options);
    await server.command("SELECT", 2);
    assert.deepEqual(await server.list(key), bodies(events));
    assert.doesNotMatch(transport.name, /p%/);
  });

  it("says that nobody listens, and in a container that 127.0.0.1 is the container itself", async () => {
    const values = transportValues({ redis_ip: "127.0.0.1", redis_port: await freePort() });
    await using outside = connectTransport(values, { inContainer: false });
    await assertRejects(outside.send(makeEvents(1), options), "unavailable", /connection refused/);
    await using inside = connectTransport(values, { inContainer: true });
    await assertRejects(
      inside.send(makeEvents(1), options),
      "unavailable",
      /the container itself/,
      /host\.docker\.internal/,
    );
  });

  it("says which name is not known", async () => {
    await using transport = connectTransport(transportValues({ redis_ip: "no-such-host.invalid" }));
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /no-such-host\.invalid/);
  });

  it("wants a password, refuses a wrong one, and reads a rotated one again", async () => {
    await using server = await startRedis({ password: "right" });
    const place = { redis_ip: "127.0.0.1", redis_port: server.port };
    await using none = connectTransport(transportValues(place));
    await assertRejects(none.send(makeEvents(1), options), "credentials", /redis_password/);
    // Redis reads but ten words of somebody it does not know.
    await assertRejects(none.send(makeEvents(50), options), "credentials", /redis_password/);
    let password = "mistaken";
    const reread = () => transportValues({ ...place, redis_password: password });
    await using transport = connectTransport(reread(), { reread });
    const error = await assertRejects(transport.send(makeEvents(1), options), "credentials", /user default/);
    assert.doesNotMatch(error.message, /mistaken/);
    password = "right";
    const events = makeEvents(1);
    await transport.send(events, options);
    assert.deepEqual(await server.list(key), bodies(events));
  });

  it("names the right that is missing", async () => {
    await using at = await setUp(
      { config: ["user shipper on >secret ~logstash:* +llen"] },
      { redis_username: "shipper", redis_password: "secret" },
    );
    await assertRejects(
      at.transport.send(makeEvents(1), options),
      "credentials",
      /rpush/i,
      /ACL SETUSER shipper/,
    );
  });

  it("refuses a database that is not there", async () => {
    await using at = await setUp({}, { redis_db: 99 });
    await assertRejects(at.transport.send(makeEvents(1), options), "misconfigured", /redis_db/);
  });

  it("rejects the events of a key of another type, and those alone", async () => {
    await using at = await setUp({}, { redis_namespace: "m:%{program}" });
    await at.server.command("HSET", "m:a", "x", "1");
    const [one, two] = [...makeEvents(1, { program: "a" }), ...makeEvents(1, { program: "b" })];
    const { rejected } = await at.transport.send([one!, two!], options);
    assert.deepEqual(
      rejected.map(({ envelope }) => envelope.id),
      [one!.id],
    );
    assert.match(rejected[0]!.reason, /m:a .*hash.*DEL m:a/);
    assert.deepEqual(await at.server.list("m:b"), [two!.body]);
  });

  it("says at once that the key of all events is no list", async () => {
    await using at = await setUp();
    await at.server.command("SET", key, "x");
    await assertRejects(at.transport.send([], options), "unavailable", /string/, /redis_namespace/);
  });

  it("rejects what is longer than proto-max-bulk-len, and goes on behind it", async () => {
    await using at = await setUp({ config: ["proto-max-bulk-len 1mb"] });
    const [first] = makeEvents(1);
    const [large] = makeEvents(1, { pad: "x".repeat(3 * 2 ** 20) });
    const [last] = makeEvents(1);
    const { rejected } = await at.transport.send([first!, large!, last!], options);
    assert.deepEqual(
      rejected.map(({ envelope }) => envelope.id),
      [large!.id],
    );
    assert.match(rejected[0]!.reason, /proto-max-bulk-len/);
    assert.deepEqual(await at.server.list(key), bodies([first!, last!]));
  });

  const troubles: [string, (server: RedisServer) => Promise<unknown>, RegExp][] = [
    ["out of memory", (server) => server.command("CONFIG", "SET", "maxmemory", "1"), /maxmemory/],
    ["read-only", (server) => server.command("REPLICAOF", "127.0.0.1", "1"), /read-only replica/],
    [
      "without replicas",
      (server) => server.command("CONFIG", "SET", "min-replicas-to-write", "1"),
      /min-replicas-to-write/,
    ],
  ];
  for (const [trouble, cause, sentence] of troubles)
    it(`is unavailable while Redis is ${trouble}`, async () => {
      await using at = await setUp();
      await cause(at.server);
      await assertRejects(at.transport.send(makeEvents(1), options), "unavailable", sentence);
    });

  it("does not send again what was taken of a batch that failed further on", async () => {
    const config = ["user shipper on >secret ~m:a +@all"];
    const login = { redis_username: "shipper", redis_password: "secret" };
    await using at = await setUp({ config }, { ...login, redis_namespace: "m:%{program}" });
    const events = [...makeEvents(2, { program: "a" }), ...makeEvents(2, { program: "b" })];
    for (let tries = 0; tries < 3; tries += 1)
      await assertRejects(at.transport.send(events, options), "credentials", /m:b/);
    await at.server.command("ACL", "SETUSER", "shipper", "~m:b");
    await at.transport.send(events, options);
    assert.deepEqual(await at.server.list("m:a"), bodies(events.slice(0, 2)));
    assert.deepEqual(await at.server.list("m:b"), bodies(events.slice(2)));
  });

  it("nor does it where the batches are smaller then", async () => {
    const config = ["user shipper on >secret ~m:a +@all"];
    const login = { redis_username: "shipper", redis_password: "secret" };
    await using at = await setUp({ config }, { ...login, redis_namespace: "m:%{program}" });
    const [a, b] = [makeEvents(2, { program: "a" }), makeEvents(2, { program: "b" })];
    await assertRejects(at.transport.send([a[0]!, b[0]!, a[1]!, b[1]!], options), "credentials", /m:b/);
    await at.server.command("ACL", "SETUSER", "shipper", "~m:b");
    for (const half of [0, 1]) await at.transport.send([a[half]!, b[half]!], options);
    assert.deepEqual(await at.server.list("m:a"), bodies(a));
    assert.deepEqual(await at.server.list("m:b"), bodies(b));
  });

  it("never sends later what did not fit into the socket in time", async () => {
    await using at = await setUp();
    await at.transport.send([], options);
    at.server.stop();
    const late = makeEvents(300, { pad: "x".repeat(200_000) });
    await assertRejects(at.transport.send(late, { timeoutMs: 500 }), "unavailable", /500 ms/);
    at.server.resume();
    const events = makeEvents(1);
    await at.transport.send(events, options);
    // What was cut off in the midst of a command is nothing to Redis; the first of several may have been whole.
    const arrived = await at.server.list(key);
    assert.equal(arrived.at(-1), events[0]!.body);
    assert.ok(arrived.length < 300, `${arrived.length} events`);
    await at.server.command("PING");
    assert.equal((await at.server.list(key)).length, arrived.length);
  });

  it("stops at redis_max_length, and goes on when the list is shorter", async () => {
    await using at = await setUp({}, { redis_max_length: 3 });
    const events = makeEvents(5);
    assert.equal((await at.transport.send(events.slice(0, 3), options)).listLength, 3);
    await assertRejects(at.transport.send(events.slice(3), options), "unavailable", /redis_max_length is 3/);
    await at.server.command("LPOP", key);
    await at.transport.send(events.slice(3), options);
    assert.deepEqual(await at.server.list(key), bodies(events.slice(1)));
  });

  it("asks how long the list is before its first write, where redis_max_length is set", async () => {
    await using at = await setUp({}, { redis_max_length: 3 });
    await at.server.command("RPUSH", key, "a", "b", "c");
    await assertRejects(at.transport.send(makeEvents(1), options), "unavailable", /holds 3 events/);
    assert.equal((await at.server.list(key)).length, 3);
  });

  it("says when it comes that Redis serves us not, also where each event has a key of its own", async () => {
    for (const redis_namespace of [key, "m:%{program}"]) {
      await using at = await setUp({ password: "secret" }, { redis_namespace });
      await assertRejects(at.transport.send([], options), "credentials", /wants a password/);
    }
    const config = ["user shipper on >secret ~* +rpush"];
    await using narrow = await setUp({ config }, { redis_username: "shipper", redis_password: "secret" });
    await narrow.transport.send([], options);
  });

  for (const answer of ["+OK", ":0", "$-1", ":1"])
    it(`takes ${answer} for no acknowledgement of two events`, async () => {
      const impostor = createServer((socket) => {
        socket.on("data", () => socket.write(`${answer}\r\n`)).on("error", () => {});
      });
      impostor.listen(0, "127.0.0.1");
      await once(impostor, "listening");
      const { port } = impostor.address() as AddressInfo;
      const values = transportValues({ redis_ip: "127.0.0.1", redis_port: port });
      await using transport = connectTransport(values, { inContainer: false });
      await assertRejects(transport.send(makeEvents(2), options), "unavailable", /no length of a list/);
      impostor.close();
    });
});
