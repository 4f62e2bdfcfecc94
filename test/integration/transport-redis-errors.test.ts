// Each error that Redis may answer, caused for real: the transport says what it means, and --doctor the same.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import { diagnoseTransport } from "../../src/transport/diagnosis.ts";
import { redisPatterns, redisSentences, replyWord } from "../../src/transport/redis-errors.ts";
import type { TransportErrorCode } from "../../src/transport/transport.ts";
import { assertRejects, makeEvents } from "../contract/transport.ts";
import { type RedisServer, type RedisServerOptions, startRedis, withoutRedis } from "../servers/redis.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { redisPrograms } from "../servers/release.ts";
import { eventually, freePorts } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

type Texts = Record<string, string | number>;
const key = "logstash:moustash";
/** What Redis was seen to answer: words of its own, and the patterns of those that only say ERR. */
const caused = new Set<string>();

interface Wanted {
  readonly code: TransportErrorCode;
  /** What the sentence must hold: the setting to change, or the command that mends it. */
  readonly says: RegExp;
  /** The word that Redis answered, or a part of its ERR. */
  readonly answer: string | RegExp;
}

/** Sends an event, which must be refused with that sentence. */
async function refused(
  texts: Texts,
  { code, says, answer }: Wanted,
  { timeoutMs = 10_000, count = 1 } = {},
): Promise<void> {
  await using transport = connectTransport(transportValues(texts), { inContainer: false });
  const error = await assertRejects(transport.send(makeEvents(count), { timeoutMs }), code, says);
  const { cause } = error;
  assert.ok(cause instanceof Error, `${error.message} has no cause`);
  if (typeof answer === "string") assert.equal(replyWord(cause), answer);
  else assert.match(cause.message, answer);
  const pattern = redisPatterns.find(([pattern]) => pattern.test(cause.message));
  caused.add(redisSentences[replyWord(cause)] ? replyWord(cause) : String(pattern?.[0]));
}

/** --doctor ends with that sentence, and that code. */
async function diagnosed(texts: Texts, { code, says }: Wanted): Promise<void> {
  const findings = await diagnoseTransport(transportValues(texts), { inContainer: false });
  const error = findings.find(({ level }) => level === "error");
  assert.ok(error, `no error among ${JSON.stringify(findings)}`);
  assert.match(error.message, says);
  assert.equal(error.code, code);
}

async function both(texts: Texts, wanted: Wanted): Promise<void> {
  await refused(texts, wanted);
  await diagnosed(texts, wanted);
}

const placeOf = ({ port }: RedisServer): Texts => ({ redis_ip: "127.0.0.1", redis_port: port });

interface Simple extends Wanted {
  readonly what: string;
  readonly server?: RedisServerOptions;
  readonly commands?: readonly (readonly (string | number)[])[];
  readonly texts?: Texts;
}

const user = { redis_username: "shipper", redis_password: "secret" };

const simple: readonly Simple[] = [
  {
    what: "out of memory",
    commands: [["CONFIG", "SET", "maxmemory", 1]],
    answer: "OOM",
    code: "unavailable",
    says: /maxmemory is reached.*noeviction/,
  },
  {
    what: "a read-only replica",
    commands: [["REPLICAOF", "127.0.0.1", 1]],
    answer: "READONLY",
    code: "unavailable",
    says: /redis_ip.*redis_sentinels/,
  },
  {
    what: "a replica that lost its master",
    server: { config: ["replica-serve-stale-data no", "replica-read-only no", "replicaof 127.0.0.1 1"] },
    answer: "MASTERDOWN",
    code: "unavailable",
    says: /has lost its master/,
  },
  {
    what: "too few replicas",
    commands: [["CONFIG", "SET", "min-replicas-to-write", 1]],
    answer: "NOREPLICAS",
    code: "unavailable",
    says: /min-replicas-to-write/,
  },
  {
    what: "no password",
    server: { password: "secret" },
    answer: "NOAUTH",
    code: "credentials",
    says: /set redis_password/,
  },
  {
    what: "a wrong password",
    server: { password: "secret" },
    texts: { redis_password: "mistaken" },
    answer: "WRONGPASS",
    code: "credentials",
    says: /user default.*redis_password/,
  },
  {
    what: "a user that is switched off",
    server: { config: ["user shipper off >secret ~* +@all"] },
    texts: user,
    answer: "WRONGPASS",
    code: "credentials",
    says: /user shipper.*is the user enabled/,
  },
  {
    what: "a right that is missing",
    server: { config: ["user shipper on >secret ~logstash:* +@all -rpush"] },
    texts: user,
    answer: "NOPERM",
    code: "credentials",
    says: /'?rpush'?.*ACL SETUSER shipper ~logstash:moustash \+rpush/,
  },
  {
    what: "a key that we may not use",
    server: { config: ["user shipper on >secret ~others:* +@all"] },
    texts: user,
    answer: "NOPERM",
    code: "credentials",
    says: /ACL SETUSER shipper ~logstash:moustash/,
  },
  {
    what: "a database that is not there",
    texts: { redis_db: 99 },
    answer: /out of range/,
    code: "misconfigured",
    says: /redis_db must be less/,
  },
  {
    what: "a server that is no cluster",
    texts: { redis_cluster: "on" },
    answer: /cluster support disabled/,
    code: "misconfigured",
    says: /redis_cluster = off/,
  },
  {
    what: "a command that was renamed",
    server: { config: [`rename-command RPUSH ""`] },
    answer: /unknown command/,
    code: "misconfigured",
    says: /does not know the command RPUSH/,
  },
];

describe(`errors of ${redisPrograms.title}`, { skip: withoutRedis }, () => {
  for (const { what, server, commands = [], texts = {}, ...wanted } of simple)
    it(`says what is wrong: ${what}`, async () => {
      await using redis = await startRedis(server);
      for (const command of commands) await redis.command(...command);
      await both({ ...placeOf(redis), ...texts }, wanted);
    });

  it("says that it wants a password where the batch is larger than what it reads of a stranger", async () => {
    await using redis = await startRedis({ password: "secret" });
    const answer = /unauthenticated multibulk length/;
    const wanted = { answer, code: "credentials", says: /set redis_password/ } as const;
    await refused(placeOf(redis), wanted, { count: 50 });
  });

  it("says that it is still loading", async () => {
    // It answers once for each of so many bytes that it loads: compressed, these would be few.
    const config = [
      "key-load-delay 30000",
      "loading-process-events-interval-bytes 1024",
      "rdbcompression no",
    ];
    await using redis = await startRedis({ config });
    for (let index = 0; index < 200; index += 1) await redis.command("SET", `k${index}`, "x".repeat(600));
    await redis.command("SAVE");
    await redis.kill();
    const started = redis.start();
    const wanted = { answer: "LOADING", code: "unavailable", says: /still loading/ } as const;
    await eventually(() => refused(placeOf(redis), wanted).then(() => true), { withinMs: 3000 });
    await diagnosed(placeOf(redis), wanted);
    await started;
  });

  it("says that it cannot save to its disk", async () => {
    await using redis = await startRedis({ config: ["save 3600 100000"] });
    await mkdir(join(redis.folder, "dump.rdb"));
    await redis.command("BGSAVE");
    await eventually(async () => String(await redis.command("INFO", "persistence")).includes("status:err"));
    const says = /cannot save to its disk.*free space/;
    await both(placeOf(redis), { answer: "MISCONF", code: "unavailable", says });
  });

  it("says that a script keeps it busy", async () => {
    await using redis = await startRedis({ config: ["lua-time-limit 50"] });
    const endless = redis.command("EVAL", "while true do end", 0).catch(() => {});
    const wanted = { answer: "BUSY", code: "unavailable", says: /SCRIPT KILL/ } as const;
    await eventually(() => both(placeOf(redis), wanted).then(() => true), { withinMs: 10_000 });
    await redis.kill();
    await endless;
  });

  it("says that it became a replica while we waited for others", async () => {
    await using redis = await startRedis({ config: ["repl-diskless-sync-delay 0"] });
    await using replica = await startRedis({ config: [`replicaof 127.0.0.1 ${redis.port}`] });
    await eventually(async () => String(await redis.command("INFO", "replication")).includes("state=online"));
    replica.stop();
    const texts = { ...placeOf(redis), redis_wait: "replicas:1" };
    const wanted = { answer: "UNBLOCKED", code: "unavailable", says: /has just become a replica/ } as const;
    const sent = refused(texts, wanted, { timeoutMs: 20_000 });
    await eventually(async () => String(await redis.command("CLIENT", "LIST")).includes("cmd=wait"));
    await redis.command("REPLICAOF", "127.0.0.1", 1);
    await sent;
    replica.resume();
  });

  it("says that it has no room for another connection", async () => {
    await using redis = await startRedis();
    await redis.command("CONFIG", "SET", "maxclients", 1);
    await both(placeOf(redis), { answer: /max number/, code: "unavailable", says: /maxclients/ });
  });

  it("says that a cluster is not complete", async () => {
    const [port] = await freePorts(1, { beside: 10_000 });
    await using redis = await startRedis({ port: port!, config: ["cluster-enabled yes"] });
    const texts = { ...placeOf(redis), redis_cluster: "on" };
    await both(texts, { answer: "CLUSTERDOWN", code: "unavailable", says: /CLUSTER INFO/ });
  });

  it("says that redis_cluster must be on, and that a cluster has one database", async () => {
    await using cluster = await startRedisCluster();
    const owner = await cluster.ownerOf(key);
    const other = (await cluster.masters()).find((node) => node !== owner)!;
    const says = /redis_cluster = on/;
    await both(placeOf(other), { answer: "MOVED", code: "misconfigured", says });
    const slot = Number(await owner.command("CLUSTER", "KEYSLOT", key));
    const id = String(await other.command("CLUSTER", "MYID"));
    await owner.command("CLUSTER", "SETSLOT", slot, "MIGRATING", id);
    await both(placeOf(owner), { answer: "ASK", code: "misconfigured", says });
    const texts = { ...placeOf(owner), redis_db: 2 };
    await both(texts, { answer: /SELECT/, code: "misconfigured", says: /redis_db = 0, redis_cluster = on/ });
  });

  it("names the Sentinels' own settings where one of them refuses us", async () => {
    await using sentinel = await startRedis({
      args: ["--sentinel"],
      config: ["requirepass secret", "sentinel monitor m 127.0.0.1 1 1"],
      password: "secret",
    });
    const texts = { redis_sentinels: `127.0.0.1:${sentinel.port}`, redis_sentinel_name: "m" };
    const says = /Sentinel at .*set redis_sentinel_password/;
    await both(texts, { answer: "NOAUTH", code: "credentials", says });
    await both(
      { ...texts, redis_sentinel_password: "mistaken" },
      { answer: "WRONGPASS", code: "credentials", says: /Sentinel at .*look at redis_sentinel_username/ },
    );
  });

  after(() => {
    const known = [...Object.keys(redisSentences), ...redisPatterns.map(([pattern]) => String(pattern))];
    // DENIED needs an address that is not loopback: its test has a network of its own. The other is Redis 5's.
    const elsewhere = ["DENIED", "/invalid password/i"];
    assert.deepEqual(
      known.filter((answer) => !caused.has(answer) && !elsewhere.includes(answer)),
      [],
      "every answer that the transport knows was caused",
    );
  });
});
