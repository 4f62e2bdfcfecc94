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
  countLosses,
  firstCopies,
  makeEvents,
  noLosses,
  sendUntilTaken,
  testTransport,
} from "../contract/transport.ts";
import { type RedisServer, startRedis, withoutRedis } from "../servers/redis.ts";
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

/** Many megabytes, and a few events behind them. */
function splitEvents(): [Envelope[], Envelope[]] {
  return [makeEvents(60, { pad: "x".repeat(400_000) }), makeEvents(20)];
}

/** `7.2`, of Redis or of what speaks for it. */
async function serverVersion(server: RedisServer): Promise<number> {
  const info = String(await server.command("INFO", "server"));
  return Number(/redis_version:(\d+\.\d+)/.exec(info)![1]);
}

/**
 * Has the server acknowledge more than the kernel's buffers hold while its replicas are stopped, and kills it: the
 * replica that takes over cannot have all. Gives the number of events that it acknowledged.
 */
async function forget(
  transport: Transport,
  events: readonly Envelope[],
  { server, replicas }: { server: RedisServer; replicas: readonly RedisServer[] },
): Promise<number> {
  for (const replica of replicas) replica.stop();
  for (let from = 0; from < events.length; from += 10)
    await transport.send(events.slice(from, from + 10), options);
  await server.kill();
  for (const replica of replicas) replica.resume();
  return events.length;
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

  it("writes nothing while a wait cannot be met: each try would leave a copy", async () => {
    await using server = await startRedis();
    const redis_ip = `127.0.0.1:${server.port}`;
    for (const redis_wait of ["replicas:1", "aof"]) {
      const code = redis_wait === "aof" ? "misconfigured" : "unavailable";
      const says = redis_wait === "aof" ? /aof/ : /only 0 of 1 replicas/;
      await using transport = connect({ redis_ip, redis_wait });
      await assertRejects(transport.send([], options), code, says);
      for (let tries = 0; tries < 3; tries += 1)
        await assertRejects(transport.send(makeEvents(2), { timeoutMs: 1000 }), code, says);
      assert.deepEqual(await server.list(key), []);
    }
    await server.command("ACL", "SETUSER", "shipper", "on", ">secret", "~*", "+rpush", "+wait");
    const login = { redis_username: "shipper", redis_password: "secret" };
    await using blind = connect({ redis_ip, redis_wait: "replicas:1", ...login });
    await assertRejects(blind.send(makeEvents(2), { timeoutMs: 1000 }), "unavailable", /only 0 of 1/);
    assert.equal((await server.list(key)).length, 2, "who may not ask must try");
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

testTransport(
  "redis, two servers",
  async () => {
    // Here both hang and fall; one alone has its own test.
    const servers = [await startRedis(), await startRedis()];
    const each = async (work: (server: RedisServer) => PromiseLike<void>) => {
      await Promise.all(servers.map(work));
    };
    return {
      connect: () => connect({ redis_ip: servers.map(({ port }) => `127.0.0.1:${port}`).join(", ") }),
      events: async () => (await Promise.all(servers.map((server) => server.list(key)))).flat(),
      stop: () => servers.forEach((server) => server.stop()),
      resume: () => servers.forEach((server) => server.resume()),
      kill: () => each((server) => server.kill()),
      start: () => each((server) => server.start()),
      [Symbol.asyncDispose]: () => each((server) => server[Symbol.asyncDispose]()),
    };
  },
  { skip: withoutRedis },
);

testTransport(
  "redis, behind a Sentinel",
  async () => {
    const master = await startRedis();
    // Alone it may not fail over: that has its own test.
    const config = [`sentinel monitor m 127.0.0.1 ${master.port} 2`];
    const sentinel = await startRedis({ args: ["--sentinel"], config });
    return {
      connect: () => connect({ redis_sentinels: `127.0.0.1:${sentinel.port}`, redis_sentinel_name: "m" }),
      events: () => master.list(key),
      stop: () => master.stop(),
      resume: () => master.resume(),
      kill: () => master.kill(),
      start: () => master.start(),
      async [Symbol.asyncDispose]() {
        await sentinel[Symbol.asyncDispose]();
        await master[Symbol.asyncDispose]();
      },
    };
  },
  { skip: withoutRedis },
);

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

// Side by side: most of the time they wait for a fail-over.
describe("redis: Sentinel", { skip: withoutRedis, concurrency: 3 }, () => {
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
    const arrived = await now.list(key);
    assert.deepEqual(countLosses(events, { byKilled: events.length, arrived }), noLosses);
  });

  it("loses without redis_wait what the old master alone had, and that only; the order stays", async () => {
    await using at = await startSentinels();
    const redis_sentinels = at.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ redis_sentinels, redis_sentinel_name: at.name });
    const server = await at.master();
    const replicas = at.servers.filter((other) => other !== server);
    const [early, late] = splitEvents();
    const byKilled = await forget(transport, early, { server, replicas });
    await sendUntilTaken(transport, late);
    const now = await at.switchedFrom(server);
    const arrived = await now.list(key);
    const losses = countLosses([...early, ...late], { byKilled, arrived });
    assert.ok(losses.lost_by_broker > 0, "the test had it forget some");
    assert.deepEqual(losses, { ...noLosses, lost_by_broker: losses.lost_by_broker });
  });

  it("writes nothing to an old master once the switch is announced", async () => {
    await using at = await startSentinels();
    const redis_sentinels = at.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ redis_sentinels, redis_sentinel_name: at.name });
    const old = await at.master();
    const events = makeEvents(21);
    await transport.send(events.slice(0, 1), options);
    await eventually(async () =>
      (await Promise.all(at.servers.map((server) => server.list(key)))).every(({ length }) => length === 1),
    );
    // Stopped, it looks dead.
    old.stop();
    const now = await at.switchedFrom(old);
    await sendUntilTaken(transport, events.slice(1, 11));
    // Nobody tells it that it was replaced: a master still, for whoever asks it alone.
    for (const sentinel of at.sentinels) sentinel.stop();
    old.resume();
    await transport.send(events.slice(11), options);
    assert.equal(((await old.command("ROLE")) as string[])[0], "master");
    assert.deepEqual(await old.list(key), bodies(events.slice(0, 1)));
    assert.deepEqual(await now.list(key), bodies(events));
  });

  it("writes nothing to a replica that a Sentinel takes for the master, even where it could", async () => {
    await using master = await startRedis();
    const config = [`replicaof 127.0.0.1 ${master.port}`, "replica-read-only no"];
    await using replica = await startRedis({ config });
    const watch = [`sentinel monitor m 127.0.0.1 ${replica.port} 2`];
    await using sentinel = await startRedis({ args: ["--sentinel"], config: watch });
    const redis_sentinels = `127.0.0.1:${sentinel.port}`;
    await using transport = connect({ redis_sentinels, redis_sentinel_name: "m" });
    const says = /is a replica and not the master of m: a fail-over is under way/;
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", says);
    assert.deepEqual(await replica.list(key), []);
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

describe("redis: Cluster", { skip: withoutRedis, concurrency: 2 }, () => {
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
    const arrived = await cluster.list(key);
    assert.deepEqual(countLosses(events, { byKilled: events.length, arrived }), noLosses);
  });

  it("loses without redis_wait what the dead owner alone had, and that only; the order stays", async () => {
    await using cluster = await startRedisCluster();
    const redis_ip = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ redis_ip, redis_cluster: "on" });
    const server = await cluster.ownerOf(key);
    const [early, late] = splitEvents();
    const replicas = [await cluster.replicaOf(server)];
    const byKilled = await forget(transport, early, { server, replicas });
    await sendUntilTaken(transport, late);
    const losses = countLosses([...early, ...late], { byKilled, arrived: await cluster.list(key) });
    assert.ok(losses.lost_by_broker > 0, "the test had it forget some");
    assert.deepEqual(losses, { ...noLosses, lost_by_broker: losses.lost_by_broker });
  });

  it("waits for the replica, or the disk, of the node that owns the key", async (t) => {
    await using cluster = await startRedisCluster();
    const other = (await cluster.masters())[0]!;
    const texts = { redis_ip: `127.0.0.1:${other.port}`, redis_cluster: "on" };
    const owner = await cluster.ownerOf(key);
    const replica = await cluster.replicaOf(owner);
    await using replicated = connect({ ...texts, redis_wait: "replicas:1" });
    const events = makeEvents(3);
    await replicated.send(events.slice(0, 1), options);
    assert.deepEqual(await replica.command("LLEN", key).catch(() => 1), 1);
    // The other masters' replicas go on.
    replica.stop();
    const late = replicated.send(events.slice(1, 2), { timeoutMs: 2500 });
    await assertRejects(late, "unavailable", new RegExp(`${owner.port}: only 0 of 1 replicas`));
    replica.resume();
    await sendUntilTaken(replicated, events.slice(1, 2));

    await using synced = connect({ ...texts, redis_wait: "aof" });
    const version = await serverVersion(owner);
    const needs = version < 7.2 ? /needs 7\.2 or newer/ : new RegExp(`${owner.port} writes no append-only`);
    for (const node of cluster.nodes)
      if (node !== owner) await node.command("CONFIG", "SET", "appendonly", "yes");
    await assertRejects(synced.send(events.slice(2), options), "misconfigured", needs);
    if (version < 7.2) return t.diagnostic("this Redis has no WAITAOF");
    for (const node of cluster.nodes)
      await node.command("CONFIG", "SET", "appendonly", node === owner ? "yes" : "no");
    await sendUntilTaken(synced, events.slice(2));
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
});
