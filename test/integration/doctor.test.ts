// --doctor as users run it, on each set-up that is broken in a known way: the cause, the setting, the exit code.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Finding } from "../../src/transport/finding.ts";
import { type Certificates, makeCertificates } from "../servers/certificates.ts";
import { type RabbitmqServer, startRabbitmq, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { startRedis, withoutRedis } from "../servers/redis.ts";
import { freePort } from "../servers/server.ts";
import { runTool } from "../servers/tool.ts";

type Settings = Readonly<Record<string, string | number>>;

interface Report {
  readonly ok: boolean;
  readonly exit: number;
  readonly findings: readonly Finding[];
}

const environment = (settings: Settings) =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`MOUSTASH_${key.toUpperCase()}`, String(value)]),
  );

/** Asked for people and for programs, --doctor says it; and a message that is sent ends with the same words and code. */
async function expectTrouble(
  settings: Settings,
  exit: number,
  says: RegExp,
  { sent = exit }: { sent?: number | false } = {},
): Promise<void> {
  const env = environment(settings);
  const people = await runTool(["panpan", "--doctor"], env);
  assert.equal(people.code, exit, people.stdout + people.stderr);
  const line = people.stdout.split("\n").find((line) => line.startsWith("✗"));
  assert.match(line ?? "", says);
  const programs = await runTool(["cuir", "--doctor", "--json-output"], {
    ...env,
    CUIR_PROBES: "Self: 127.0.0.1:1:x",
  });
  assert.equal(programs.code, exit);
  const report = JSON.parse(programs.stdout) as Report;
  assert.deepEqual([report.ok, report.exit], [false, exit]);
  const error = report.findings.find(({ level }) => level === "error");
  assert.match(error?.message ?? "", says);
  if (sent === false) return;
  const message = await runTool(["panpan", "hello"], env);
  assert.equal(message.code, sent, message.stderr);
  assert.match(message.stderr, says);
}

describe("--doctor on Redis", { skip: withoutRedis, concurrency: 2 }, () => {
  let certificates: Certificates;
  before(async () => (certificates = await makeCertificates()));
  after(() => certificates[Symbol.asyncDispose]());

  async function startTls({ cert, key }: { cert: string; key: string }) {
    const port = await freePort();
    const files = [`tls-cert-file ${cert}`, `tls-key-file ${key}`, `tls-ca-cert-file ${certificates.ca}`];
    const server = await startRedis({ config: [`tls-port ${port}`, "tls-auth-clients no", ...files] });
    const settings = {
      redis_ip: "localhost",
      redis_port: port,
      redis_tls: "on",
      redis_tls_ca: certificates.ca,
    };
    return { settings, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  it("ends with 0 where an event would get through", async () => {
    await using redis = await startRedis({ config: ["appendonly yes"] });
    const env = environment({ redis_ip: "127.0.0.1", redis_port: redis.port });
    const people = await runTool(["panpan", "--doctor"], env);
    assert.equal(people.code, 0, people.stdout);
    assert.match(people.stdout, /^✓ connection: Redis \d.* answers, and lets default write\n/);
    const report = JSON.parse((await runTool(["fouet", "--doctor", "--json-output"], env)).stdout) as Report;
    assert.ok(report.findings.some(({ subject }) => subject === "persistence"));
    assert.deepEqual(await redis.list("logstash:moustash"), []);
  });

  it("names a wrong password", async () => {
    await using redis = await startRedis({ password: "right" });
    const settings = { redis_ip: "127.0.0.1", redis_port: redis.port, redis_password: "mistaken" };
    await expectTrouble(settings, 77, /refuses the password of user default: look at redis_username and/);
  });

  it("names a right that is missing", async () => {
    await using redis = await startRedis({ config: ["user shipper on >secret ~* +@read +@transaction"] });
    const login = { redis_username: "shipper", redis_password: "secret" };
    const settings = { redis_ip: "127.0.0.1", redis_port: redis.port, ...login };
    await expectTrouble(settings, 77, /ACL SETUSER shipper ~logstash:moustash \+rpush/);
  });

  it("names a wrong authority", async () => {
    await using at = await startTls(certificates.server);
    const settings = { ...at.settings, redis_tls_ca: certificates.strangeCa };
    await expectTrouble(settings, 78, /not issued by the authority in redis_tls_ca/);
  });

  it("names an expired certificate", async () => {
    await using at = await startTls(certificates.expired);
    await expectTrouble(at.settings, 69, /its certificate has expired: renew it/);
  });

  it("names a certificate for another name", async () => {
    await using at = await startTls(certificates.misnamed);
    await expectTrouble(at.settings, 78, /for another name than localhost \(redis_ip\)/);
  });

  it("names a Sentinel's name that is not known", async () => {
    const config = ["sentinel monitor mymaster 127.0.0.1 1 1"];
    await using sentinel = await startRedis({ args: ["--sentinel"], config });
    const settings = { redis_sentinels: `127.0.0.1:${sentinel.port}`, redis_sentinel_name: "master" };
    const says = /knows no master called master \(it watches mymaster\): look at redis_sentinel_name/;
    await expectTrouble(settings, 78, says);
  });

  it("names a key of another type", async () => {
    await using redis = await startRedis();
    await redis.command("HSET", "taken", "a", "b");
    const settings = { redis_ip: "127.0.0.1", redis_port: redis.port, redis_namespace: "taken" };
    const says = /the key taken is not a list but hash: set redis_namespace to another key, or .*DEL taken/;
    // Sent, it goes to the reject file.
    await expectTrouble(settings, 78, says, { sent: false });
  });

  it("names a server that is too old, with both versions, or its missing file", async () => {
    await using redis = await startRedis();
    const settings = { redis_ip: "127.0.0.1", redis_port: redis.port, redis_wait: "aof" };
    await expectTrouble(
      settings,
      78,
      /is Redis \d+\.\d+\.\d+, and redis_wait = aof needs 7\.2 or newer|appendonly yes/,
    );
  });

  it("names a server that is not there, and a name that is none", async () => {
    const settings = { redis_ip: "127.0.0.1", redis_port: await freePort() };
    await expectTrouble(settings, 69, /connection refused: (is it up|in a container)/);
    await expectTrouble({ redis_ip: "no-such-host.invalid" }, 69, /no-such-host\.invalid/);
  });
});

describe("--doctor on RabbitMQ", { skip: withoutRabbitmq }, () => {
  let server: RabbitmqServer;
  before(async () => (server = await startRabbitmq()));
  after(() => server[Symbol.asyncDispose]());
  const place = () => ({ transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: server.port });

  it("ends with 0 where an event would get through, and declares nothing", async () => {
    const { code, stdout } = await runTool(["panpan", "--doctor"], environment(place()));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /✓ queue: .*is not there yet/);
    assert.doesNotMatch(await server.control("--quiet", "list_queues", "name"), /logstash/);
  });

  it("names what is broken", async () => {
    await expectTrouble(
      { ...place(), rabbitmq_password: "mistaken" },
      77,
      /rabbitmq_username and rabbitmq_password/,
    );
    await expectTrouble({ ...place(), rabbitmq_vhost: "/nowhere" }, 78, /has no vhost \/nowhere/);
    const given = { ...place(), rabbitmq_declare: "off" };
    await expectTrouble(given, 69, /has no exchange logstash-exchange: create it, or rabbitmq_declare = on/);
    await server.with((channel) => channel.assertQueue("old", { durable: false }));
    const old = { ...place(), rabbitmq_queue: "old", rabbitmq_exchange: "none" };
    const says =
      /old with durable false, we declare durable true.*rabbitmq_queue_durable = off.*durable => false/;
    await expectTrouble(old, 78, says);
  });
});
