// The Redis transport over TLS: an authority of one's own, client certificates, and each way in which that goes wrong.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import { assertRejects, bodies, makeEvents, testTransport } from "../contract/transport.ts";
import type { Certificate } from "../servers/authority.ts";
import { type Certificates, makeCertificates } from "../servers/certificates.ts";
import { type RedisServer, startRedis, withoutRedis } from "../servers/redis.ts";
import { freePort } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

const key = "logstash:moustash";
const options = { timeoutMs: 60_000 };

/** `port` of the server is its plain one. */
async function startTls(certificates: Certificates, { server = certificates.server, clients = "no" } = {}) {
  const port = await freePort();
  const config = [
    `tls-port ${port}`,
    `tls-cert-file ${server.cert}`,
    `tls-key-file ${server.key}`,
    `tls-ca-cert-file ${certificates.ca}`,
    `tls-auth-clients ${clients}`,
  ];
  const redis = await startRedis({ config });
  return { redis, port, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
}

let certificates: Certificates;
before(async () => (certificates = await makeCertificates()));
after(() => certificates[Symbol.asyncDispose]());

function connect(port: number, texts: Record<string, string> = {}) {
  const defaults = {
    redis_ip: "localhost",
    redis_port: port,
    redis_tls: "on",
    redis_tls_ca: certificates.ca,
  };
  return connectTransport(transportValues({ ...defaults, ...texts }), { inContainer: false });
}

testTransport(
  "redis, TLS with client certificates",
  async () => {
    const { redis, port } = await startTls(certificates, { clients: "yes" });
    const { client } = certificates;
    return {
      connect: () => connect(port, { redis_tls_cert: client.cert, redis_tls_key: client.key }),
      events: () => redis.list(key),
      stop: () => redis.stop(),
      resume: () => redis.resume(),
      kill: () => redis.kill(),
      start: () => redis.start(),
      [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
    };
  },
  { skip: withoutRedis },
);

describe("redis over TLS", { skip: withoutRedis }, () => {
  async function refused(
    texts: Record<string, string>,
    code: "unavailable" | "misconfigured",
    sentence: RegExp,
    { server, clients }: { server?: Certificate; clients?: string } = {},
  ) {
    await using at = await startTls(certificates, { ...(server && { server }), ...(clients && { clients }) });
    await using transport = connect(at.port, texts);
    await assertRejects(transport.send(makeEvents(1), options), code, sentence);
    assert.deepEqual(await at.redis.list(key), []);
  }

  it("takes a rediss:// URL", async () => {
    await using at = await startTls(certificates);
    const values = transportValues({
      redis_url: `rediss://127.0.0.1:${at.port}`,
      redis_tls_ca: certificates.ca,
    });
    await using transport = connectTransport(values);
    const events = makeEvents(1);
    await transport.send(events, options);
    assert.deepEqual(await at.redis.list(key), bodies(events));
  });

  it("refuses another authority's server", () =>
    refused({ redis_tls_ca: certificates.strangeCa }, "misconfigured", /redis_tls_ca/));
  it("refuses an expired certificate", () =>
    refused({}, "unavailable", /has expired/, { server: certificates.expired }));
  it("refuses a certificate for another name", () =>
    refused({}, "misconfigured", /elsewhere\.example/, { server: certificates.misnamed }));
  it("says that a client certificate is wanted", () =>
    refused({}, "misconfigured", /redis_tls_cert/, { clients: "yes" }));
  it("says that a file is not there", () =>
    refused(
      { redis_tls_ca: "/nowhere/ca.pem" },
      "misconfigured",
      /redis_tls_ca: \/nowhere\/ca\.pem is not there/,
    ));
  it("says that certificate and key belong together", () =>
    refused({ redis_tls_cert: certificates.client.cert }, "misconfigured", /redis_tls_key/));

  it("says that the server answers without TLS", async () => {
    await using server: RedisServer = await startRedis();
    await using transport = connect(server.port);
    await assertRejects(transport.send(makeEvents(1), { timeoutMs: 3000 }), "unavailable", /redis_tls = off/);
  });

  it("says that the server might want TLS", async () => {
    await using at = await startTls(certificates);
    await using transport = connect(at.port, { redis_tls: "off" });
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /redis_tls = on/);
  });
});
