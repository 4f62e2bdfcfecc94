// The Redis transport on several servers: in turn, spread, behind Sentinels, in a Cluster, with replicas to wait for.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connectTransport } from "../../src/transport/connect.ts";
import type { Envelope } from "../../src/envelope.ts";
import type { Transport } from "../../src/transport/transport.ts";
import {
  assertRejects,
  bodies,
  firstCopies,
  makeEvents,
  sendUntilTaken,
  testTransport,
} from "../contract/transport.ts";
import { startRedis, withoutRedis } from "../servers/redis.ts";
import { type RedisCluster, startRedisCluster } from "../servers/redis-cluster.ts";
import { startSentinels } from "../servers/redis-sentinel.ts";
import { eventually, freePort } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

const key = "logstash:moustash";
const options = { timeoutMs: 60_000 };

function connect(texts: Record<string, string | number>): Transport {
  return connectTransport(transportValues(texts), { inContainer: false });
}

/** Sends the events in batches of ten, one after the other, each until it is taken; `between` at the middle. */
async function sendAll(transport: Transport, events: readonly Envelope[], between: () => Promise<unknown>) {
  let meanwhile: Promise<unknown> | undefined;
  for (let from = 0; from < events.length; from += 10) {
    if (from >= events.length / 3) meanwhile ??= between();
    await sendUntilTaken(transport, events.slice(from, from + 10));
    await delay(2);
  }
  await meanwhile;
}

describe("redis: what accepted means", { skip: withoutRedis }, () => {
  it("waits for replicas, on the connection that wrote", async () => {
    await using master = await startRedis({ config: ["repl-diskless-sync-delay 0"] });
    await using replica = await startRedis({ config: [`replicaof 127.0.0.1 ${master.port}`] });
    await eventually(async () =>
      String(await master.command("INFO", "replication")).includes("state=online"),
    );
    await using transport = connect({ redis_ip: `127.0.0.1:${master.port}`, redis_wait: "replicas:1" });
    const events = makeEvents(20);
    await transport.send(events.slice(0, 10), options);
    assert.deepEqual(await replica.list(key), bodies(events.slice(0, 10)));
    replica.stop();
    await assertRejects(
      transport.send(events.slice(10), { timeoutMs: 3000 }),
      "unavailable",
      /only 0 of 1 replicas/,
    );
    replica.resume();
    await sendUntilTaken(transport, events.slice(10));
    assert.deepEqual(firstCopies(await replica.list(key)), bodies(events));
  });

  it("says which version redis_wait = aof needs, and that a file must be written at all", async (t) => {
    await using server = await startRedis();
    const version = /redis_version:(\S+)/.exec(String(await server.command("INFO", "server")))![1]!;
    await using transport = connect({ redis_ip: `127.0.0.1:${server.port}`, redis_wait: "aof" });
    const isOld = version.startsWith("6.") || version.startsWith("7.0.");
    t.diagnostic(`Redis ${version}`);
    await assertRejects(
      transport.send(makeEvents(1), options),
      "misconfigured",
      isOld ? new RegExp(`Redis ${version}.*7\\.2`) : /appendonly yes/,
    );
    if (isOld) return;
    await server.command("CONFIG", "SET", "appendonly", "yes");
    const events = makeEvents(5);
    await sendUntilTaken(transport, events);
    assert.deepEqual((await server.list(key)).slice(-5), bodies(events));
  });
});

describe("redis: several servers", { skip: withoutRedis }, () => {
  it("goes to the next where one is away, and keeps the order on each", async () => {
    await using one = await startRedis();
    await using two = await startRedis();
    await using transport = connect({ redis_ip: `127.0.0.1:${one.port}, 127.0.0.1:${two.port}` });
    const events = makeEvents(300);
    await sendAll(transport, events, () => one.kill());
    await one.start();
    assert.deepEqual(await one.list(key), []);
    const arrived = firstCopies(await two.list(key));
    assert.deepEqual(arrived, bodies(events).slice(-arrived.length));
    assert.ok(arrived.length >= 100);
    await two.kill();
    const more = makeEvents(10);
    await sendUntilTaken(transport, more);
    assert.deepEqual(await one.list(key), bodies(more));
  });

  it("spreads by run, and each run keeps its order", async () => {
    await using one = await startRedis();
    await using two = await startRedis();
    const redis_ip = `127.0.0.1:${one.port}, 127.0.0.1:${two.port}`;
    await using transport = connect({ redis_ip, redis_balance: "on" });
    const runs = Array.from({ length: 24 }, () => makeEvents(5));
    const mixed = [0, 1, 2, 3, 4].flatMap((index) => runs.map((events) => events[index]!));
    await transport.send(mixed, options);
    const lists = [await one.list(key), await two.list(key)];
    assert.ok(lists.every((list) => list.length > 0));
    for (const events of runs) {
      const wanted = bodies(events);
      const places = lists.map((list) => list.filter((body) => wanted.includes(body)));
      assert.deepEqual(places.flat(), wanted);
    }
  });

  it("says of the first server why none can be had", async () => {
    const redis_ip = `127.0.0.1:${await freePort()}, 127.0.0.1:${await freePort()}`;
    await using transport = connect({ redis_ip });
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /connection refused/);
  });
});

describe("redis: Sentinel", { skip: withoutRedis }, () => {
  it("follows a fail-over, loses nothing that replicas had, and keeps the order", async () => {
    await using at = await startSentinels();
    const redis_sentinels = at.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({
      redis_sentinels,
      redis_sentinel_name: at.name,
      redis_wait: "replicas:1",
    });
    const old = await at.master();
    const events = makeEvents(600);
    await sendAll(transport, events, () => old.kill());
    const now = await at.master();
    assert.notEqual(now, old);
    assert.deepEqual(firstCopies(await now.list(key)), bodies(events));
  });

  it("writes nothing to an old master once the switch is announced, nor to a replica", async () => {
    await using at = await startSentinels();
    const redis_sentinels = at.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ redis_sentinels, redis_sentinel_name: at.name });
    const old = await at.master();
    await transport.send(makeEvents(1), options);
    // Stopped, it looks dead; resumed, it is a master still for whoever asks it alone.
    await eventually(async () => String(await old.command("CLIENT", "LIST")).includes("cmd=rpush"));
    old.stop();
    const now = await eventually(async () => {
      const master = await at.master();
      return master === old ? undefined : master;
    });
    const events = makeEvents(10);
    await sendUntilTaken(transport, events);
    assert.deepEqual((await now.list(key)).slice(-10), bodies(events));
    old.resume();
    await transport.send(makeEvents(1), options);
    await eventually(async () => String(await old.command("INFO", "replication")).includes("role:slave"));
    await eventually(async () => (await old.list(key)).length === (await now.list(key)).length);
  });

  it("says which masters there are where the name is unknown", async () => {
    await using at = await startSentinels();
    const redis_sentinels = `127.0.0.1:${at.sentinels[0]!.port}`;
    await using transport = connect({ redis_sentinels, redis_sentinel_name: "other" });
    await assertRejects(
      transport.send(makeEvents(1), options),
      "misconfigured",
      /other/,
      /mymaster/,
      /redis_sentinel_name/,
    );
  });
});

let shared: Promise<RedisCluster> | undefined;
after(async () => (await shared)?.[Symbol.asyncDispose]());

testTransport(
  "redis, one node of a cluster named",
  async () => {
    const cluster = await (shared ??= startRedisCluster());
    const owner = await cluster.ownerOf(key);
    const other = cluster.nodes.find((node) => node !== owner)!;
    // Here the whole cluster hangs and falls; a fail-over has its own test.
    return {
      connect: () => connect({ redis_ip: `127.0.0.1:${other.port}`, redis_cluster: "on" }),
      events: () => cluster.list(key),
      stop: () => cluster.nodes.forEach((node) => node.stop()),
      resume: () => cluster.nodes.forEach((node) => node.resume()),
      async kill() {
        await Promise.all(cluster.nodes.map((node) => node.kill()));
      },
      async start() {
        await Promise.all(cluster.nodes.map((node) => node.start()));
      },
      async [Symbol.asyncDispose]() {
        for (const node of cluster.nodes) if (!node.isUp()) await node.start();
        await eventually(async () => {
          await (await cluster.ownerOf(key)).command("DEL", key);
          return true;
        });
      },
    };
  },
  { skip: withoutRedis },
);

describe("redis: Cluster", { skip: withoutRedis }, () => {
  it("follows a slot that is moved, and a fail-over, and keeps the order", async () => {
    await using cluster = await startRedisCluster();
    const redis_ip = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ redis_ip, redis_cluster: "on", redis_wait: "replicas:1" });
    const events = makeEvents(900);
    await sendAll(transport, events.slice(0, 450), async () => {
      const owner = await cluster.ownerOf(key);
      const target = (await cluster.masters()).find((node) => node !== owner)!;
      await cluster.moveSlot(key, target);
    });
    const owner = await cluster.ownerOf(key);
    assert.deepEqual(firstCopies(await cluster.list(key)), bodies(events.slice(0, 450)));
    await sendAll(transport, events.slice(450), async () => {
      await owner.kill();
      assert.notEqual(await cluster.ownerOf(key), owner);
      // As a replica of the new owner, which otherwise has none to wait for.
      await owner.start();
    });
    assert.deepEqual(firstCopies(await cluster.list(key)), bodies(events));
  });

  it("follows keys to several owners in one batch", async () => {
    await using cluster = await startRedisCluster();
    const texts = { redis_ip: `127.0.0.1:${cluster.nodes[0]!.port}`, redis_cluster: "on" };
    await using transport = connect({ ...texts, redis_namespace: "m:%{program}" });
    const programs = Array.from({ length: 12 }, (_, index) => `p${index}`);
    const events = programs.flatMap((program) => makeEvents(3, { program }));
    await transport.send(events, options);
    for (const [index, program] of programs.entries())
      assert.deepEqual(await cluster.list(`m:${program}`), bodies(events.slice(index * 3, index * 3 + 3)));
  });

  it("says that redis_cluster must be on, or off", async () => {
    await using cluster = await startRedisCluster();
    const owner = await cluster.ownerOf(key);
    const other = cluster.nodes.find((node) => node !== owner)!;
    await using plain = connect({ redis_ip: `127.0.0.1:${other.port}` });
    await assertRejects(plain.send(makeEvents(1), options), "misconfigured", /redis_cluster = on/);
    await using alone = await startRedis();
    await using clustered = connect({ redis_ip: `127.0.0.1:${alone.port}`, redis_cluster: "on" });
    await assertRejects(clustered.send(makeEvents(1), options), "misconfigured", /redis_cluster = off/);
  });
});
