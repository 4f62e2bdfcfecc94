// --doctor against brokers that are well, and against each way in which they can be broken.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { diagnoseTransport } from "../../src/transport/diagnosis.ts";
import type { Finding } from "../../src/transport/finding.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { type RabbitmqServer, startRabbitmq, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { type RedisServerOptions, startRedis, withoutRedis } from "../servers/redis.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { freePort } from "../servers/server.ts";
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
    ["no append-only file to wait for", /appendonly yes/, {}, { redis_wait: "aof" }, []],
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
    find(await diagnose({ redis_ip: `127.0.0.1:${other.port}` }), "error", /redis_cluster = on/);
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
