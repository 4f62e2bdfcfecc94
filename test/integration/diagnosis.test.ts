// --doctor against brokers that are well, and against each way in which they can be broken.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { diagnoseTransport } from "../../src/transport/diagnosis.ts";
import type { Finding } from "../../src/transport/finding.ts";
import { createAuthority } from "../servers/authority.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { type RabbitmqServer, startRabbitmq, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { type RedisServerOptions, startRedis, withoutRedis } from "../servers/redis.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { eventually, freePort, temporaryFolder } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

type Texts = Record<string, string | number>;
const key = "logstash:moustash";

const diagnose = (texts: Texts) => diagnoseTransport(transportValues(texts), { inContainer: false });

function find(findings: readonly Finding[], level: Finding["level"], pattern: RegExp): Finding {
  const words = ({ message, remedy = "" }: Finding) => `${message} ${remedy}`;
  const found = findings.find((finding) => finding.level === level && pattern.test(words(finding)));
  assert.ok(found, `no ${level} like ${pattern} among ${JSON.stringify(findings, null, 2)}`);
  return found;
}

const errors = (findings: readonly Finding[]) => findings.filter(({ level }) => level === "error");

describe("diagnosis of redis", { skip: withoutRedis }, () => {
  async function look(server: RedisServerOptions, texts: Texts = {}, words: (string | number)[][] = []) {
    await using redis = await startRedis(server);
    for (const command of words) await redis.command(...command);
    const before = await redis.command("DEBUG", "DIGEST").catch(() => "");
    const findings = await diagnose({ redis_ip: "127.0.0.1", redis_port: redis.port, ...texts });
    assert.equal(await redis.command("DEBUG", "DIGEST").catch(() => ""), before, "nothing was written");
    return findings;
  }

  it("is content with a server that keeps events", async () => {
    const findings = await look({ config: ["appendonly yes"] });
    assert.deepEqual(errors(findings), []);
    find(findings, "ok", /Redis \d.* answers, and lets default write/);
    find(findings, "ok", /append-only/);
    find(findings, "ok", /is empty/);
  });

  it("warns of memory alone, of eviction, and of a list that nobody drains", async () => {
    const findings = await look({ config: ["maxmemory-policy allkeys-lru"] }, {}, [["RPUSH", key, "a", "b"]]);
    assert.deepEqual(errors(findings), []);
    find(findings, "warning", /no append-only file/);
    find(findings, "warning", /allkeys-lru.*noeviction/);
    find(findings, "warning", /holds 2 events.*nobody/);
  });

  const broken: [string, RegExp, RedisServerOptions, Texts, (string | number)[][]][] = [
    ["a password that is missing", /redis_password/, { password: "x" }, {}, []],
    ["a wrong password", /refuses the password/, { password: "x" }, { redis_password: "y" }, []],
    [
      "a right that is missing",
      /\+rpush/,
      { config: ["user s on >p ~* +multi +discard +info"] },
      { redis_username: "s", redis_password: "p" },
      [],
    ],
    ["a key of another type", /hash.*DEL/, {}, {}, [["HSET", key, "a", "b"]]],
    ["a read-only replica", /read-only/, {}, {}, [["REPLICAOF", "127.0.0.1", 1]]],
    ["no memory left", /maxmemory/, {}, {}, [["CONFIG", "SET", "maxmemory", 1]]],
    ["replicas that are not there", /replicas:1/, {}, { redis_wait: "replicas:1" }, []],
    ["no append-only file to wait for", /appendonly yes|needs 7\.2 or newer/, {}, { redis_wait: "aof" }, []],
    ["a list that is full", /redis_max_length/, {}, { redis_max_length: 1 }, [["RPUSH", key, "a"]]],
    ["a server that is no cluster", /redis_cluster = off/, {}, { redis_cluster: "on" }, []],
  ];
  for (const [what, sentence, server, texts, words] of broken)
    it(`names ${what}`, async () => void find(await look(server, texts, words), "error", sentence));

  it("names a server that is not there, a Sentinel too", async () => {
    const port = await freePort();
    find(await diagnose({ redis_ip: `127.0.0.1:${port}` }), "error", /connection refused/);
    const sentinels = { redis_sentinels: `127.0.0.1:${port}`, redis_sentinel_name: "m" };
    find(await diagnose(sentinels), "error", /Sentinel at .*connection refused/);
  });

  it("sees that somebody drains the list", async () => {
    await using redis = await startRedis();
    for (let index = 0; index < 200; index += 1) await redis.command("RPUSH", key, "x");
    const over = new AbortController();
    const reading = (async () => {
      while (!over.signal.aborted) {
        await redis.command("LPOP", key);
        await delay(10);
      }
    })();
    find(
      await diagnose({ redis_ip: `127.0.0.1:${redis.port}` }),
      "ok",
      /holds \d+ events, and is being drained/,
    );
    over.abort();
    await reading;
  });

  it("warns of a save that failed, and of what it may not ask", async () => {
    await using redis = await startRedis({ config: ["stop-writes-on-bgsave-error no"] });
    await mkdir(join(redis.folder, "dump.rdb"));
    await redis.command("BGSAVE");
    await eventually(async () => String(await redis.command("INFO", "persistence")).includes("status:err"));
    find(await diagnose({ redis_ip: `127.0.0.1:${redis.port}` }), "warning", /last save to disk failed/);
    const login = { redis_username: "s", redis_password: "p" };
    const config = ["user s on >p ~logstash:* +rpush +llen +type"];
    const findings = await look({ config }, { ...login, redis_namespace: "logstash:%{program}" });
    assert.deepEqual(errors(findings), []);
    find(findings, "warning", /whether s may RPUSH cannot be seen/);
    find(findings, "warning", /INFO is not permitted to s/);
    find(findings, "ok", /keys of the form logstash:%\{program\}/);
    find(findings, "warning", /Logstash's redis input reads one key/);
  });

  it("warns of a certificate that ends soon", async () => {
    await using folder = await temporaryFolder();
    const authority = createAuthority(folder.path);
    const { cert, key: own } = authority.issue("soon", { names: "IP:127.0.0.1", days: 10 });
    const port = await freePort();
    const files = [`tls-cert-file ${cert}`, `tls-key-file ${own}`, `tls-ca-cert-file ${authority.cert}`];
    const config = [`tls-port ${port}`, "tls-auth-clients no", ...files];
    const texts = { redis_port: port, redis_tls: "on", redis_tls_ca: authority.cert };
    find(await look({ config }, texts), "warning", /issued by Trial CA, is valid for 9 more days.*renew it/);
  });

  it("finds the master by its Sentinels, says which of them are away, and what Logstash cannot read", async () => {
    await using redis = await startRedis();
    const watch = [`sentinel monitor m 127.0.0.1 ${redis.port} 1`];
    await using sentinel = await startRedis({ args: ["--sentinel"], config: watch });
    const dead = await freePort();
    const redis_sentinels = `127.0.0.1:${dead}, 127.0.0.1:${sentinel.port}`;
    const findings = await diagnose({ redis_sentinels, redis_sentinel_name: "m" });
    assert.deepEqual(errors(findings), []);
    find(findings, "warning", new RegExp(`Sentinel at 127.0.0.1:${dead}: connection refused`));
    find(findings, "ok", new RegExp(`Sentinel at 127.0.0.1:${sentinel.port} answers`));
    find(findings, "ok", new RegExp(`at 127.0.0.1:${redis.port} answers`));
    find(findings, "warning", /Logstash's redis input knows no Sentinel/);
  });

  it("takes one of several servers that is away for a warning", async () => {
    await using redis = await startRedis();
    const dead = await freePort();
    const findings = await diagnose({ redis_ip: `127.0.0.1:${dead}, 127.0.0.1:${redis.port}` });
    assert.deepEqual(errors(findings), []);
    find(findings, "warning", new RegExp(`${dead}: connection refused.*the others take its events`));
  });

  it("says what Logstash cannot read, and looks at the certificate", async () => {
    await using certificates = await makeCertificates();
    const port = await freePort();
    const { server, ca } = certificates;
    const config = [
      `tls-port ${port}`,
      `tls-cert-file ${server.cert}`,
      `tls-key-file ${server.key}`,
      `tls-ca-cert-file ${ca}`,
      "tls-auth-clients no",
      "user s on >p ~* +@all",
    ];
    const login = { redis_username: "s", redis_password: "p" };
    const findings = await look(
      { config },
      { redis_port: port, redis_tls: "on", redis_tls_ca: ca, ...login },
    );
    assert.deepEqual(errors(findings), []);
    find(findings, "ok", /valid for \d+ more days/);
    find(findings, "warning", /no ACL user/);
    find(findings, "warning", /no private CA/);
  });

  it("looks at the node of a cluster that owns the key", async () => {
    await using cluster = await startRedisCluster();
    const owner = await cluster.ownerOf(key);
    const other = cluster.nodes.find((node) => node !== owner)!;
    const findings = await diagnose({ redis_ip: `127.0.0.1:${other.port}`, redis_cluster: "on" });
    assert.deepEqual(errors(findings), []);
    find(findings, "ok", new RegExp(`at 127.0.0.1:${owner.port} answers`));
    find(findings, "warning", /Logstash's redis input knows no Cluster/);
    find(await diagnose({ redis_ip: `127.0.0.1:${other.port}` }), "error", /redis_cluster = on/);
  });
});

describe("diagnosis of a rabbitmq that is watched", { skip: withoutRabbitmq }, () => {
  it("sees a queue that drops its oldest messages, by policy or by itself", async () => {
    // The management plugin's port is the same for all: an address of our own.
    const host = `127.84.${process.pid % 250}.${(process.pid >> 8) % 250}`;
    await using server = await startRabbitmq({ host, plugins: ["rabbitmq_management"] });
    const place = { transport: "rabbitmq", rabbitmq_host: host, rabbitmq_port: server.port };
    const look = (queue: string) =>
      diagnose({ ...place, rabbitmq_exchange: "none", rabbitmq_queue: queue, rabbitmq_declare: "off" });
    await server.with(async (channel) => {
      await channel.assertQueue("plain");
      await channel.assertQueue("short", { maxLength: 3 });
      await channel.assertQueue("ruled");
      await channel.assertQueue("rejects", { maxLength: 3, arguments: { "x-overflow": "reject-publish" } });
    });
    await server.control("set_policy", "short", "^ruled$", '{"max-length-bytes":1000}');
    // It answers a little after the broker.
    await eventually(async () => find(await look("plain"), "ok", /never drops its oldest messages/));
    find(await look("short"), "warning", /has a max-length and drops its oldest.*reject-publish/);
    await eventually(async () => find(await look("ruled"), "warning", /has a max-length-bytes and drops/));
    find(await look("rejects"), "ok", /never drops/);
  });
});

describe("diagnosis of rabbitmq", { skip: withoutRabbitmq }, () => {
  let server: RabbitmqServer;
  before(async () => (server = await startRabbitmq()));
  after(() => server[Symbol.asyncDispose]());
  const look = (texts: Texts = {}) =>
    diagnose({ transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: server.port, ...texts });

  it("declares nothing, and says what will be", async () => {
    const findings = await look();
    assert.deepEqual(errors(findings), []);
    find(findings, "ok", /RabbitMQ \d.* admits guest to vhost \//);
    find(findings, "ok", /not there yet/);
    find(findings, "ok", /no memory or disk alarm/);
    find(findings, "ok", /queue => "logstash-queue" durable => true passive => true/);
    await assert.rejects(
      server.with((channel) => channel.checkQueue("logstash-queue")),
      /NOT_FOUND/,
    );
  });

  it("sees what waits and whether somebody reads", async () => {
    await server.with(async (channel) => {
      await channel.assertExchange("x", "direct");
      await channel.assertQueue("q");
      channel.sendToQueue("q", Buffer.from("{}"));
    });
    const texts = { rabbitmq_queue: "q", rabbitmq_exchange: "x" };
    find(await look(texts), "warning", /holds (\d messages|one message), and has 0 readers/);
    await server.with(async (channel) => {
      await channel.consume("q", () => {});
      find(await look(texts), "ok", /has one reader/);
    });
  });

  it("names what is wrong", async () => {
    await server.with((channel) => channel.assertQueue("old", { durable: false }));
    await server.with((channel) => channel.assertExchange("logstash-exchange", "direct"));
    find(await look({ rabbitmq_queue: "old" }), "error", /durable false.*durable => false/);
    find(await look({ rabbitmq_password: "mistaken" }), "error", /rabbitmq_password/);
    find(await look({ rabbitmq_vhost: "/nowhere" }), "error", /rabbitmq_vhost/);
    find(await look({ rabbitmq_declare: "off", rabbitmq_exchange: "none" }), "error", /no exchange|no queue/);
    find(await look({ rabbitmq_port: await freePort() }), "error", /connection refused/);
    await server.control("set_vm_memory_high_watermark", "0");
    find(await look(), "error", /low on memory/);
  });
});
