// What goes wrong before a broker answers: sockets, names, routes, certificates; each caused for real.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import type { TransportErrorCode } from "../../src/transport/transport.ts";
import { assertRejects, makeEvents } from "../contract/transport.ts";
import { createAuthority } from "../servers/authority.ts";
import type { Certificate } from "../servers/authority.ts";
import { type Certificates, makeCertificates } from "../servers/certificates.ts";
import { type Namespaces, openNamespaces, whyNoNamespaces } from "../servers/namespaces.ts";
import { startRedis, withoutRedis } from "../servers/redis.ts";
import { eventually, freePort, temporaryFolder } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

type Texts = Record<string, string | number>;

async function refused(texts: Texts, code: TransportErrorCode, says: RegExp): Promise<void> {
  await using transport = connectTransport(transportValues(texts), { inContainer: false });
  await assertRejects(transport.send(makeEvents(1), { timeoutMs: 10_000 }), code, says);
}

describe("a unix socket", { skip: withoutRedis }, () => {
  it("is not there, or nobody listens at it", async () => {
    await using redis = await startRedis();
    const texts = { redis_socket: redis.socket };
    await refused({ redis_socket: "/nowhere/redis.sock" }, "unavailable", /no such socket.*redis_socket/);
    await redis.kill();
    await refused(texts, "unavailable", /nobody listens at this socket/);
  });

  it(
    "is another user's",
    { skip: process.getuid?.() !== 0 && "needs root, to be somebody else" },
    async () => {
      await using redis = await startRedis();
      const values = transportValues({ redis_socket: redis.socket });
      await using transport = connectTransport(values, { inContainer: false });
      // Its library is read while we still may.
      await transport.send([], { timeoutMs: 10_000 });
      await using again = connectTransport(values, { inContainer: false });
      process.seteuid!(65_534);
      try {
        const sent = again.send(makeEvents(1), { timeoutMs: 10_000 });
        await assertRejects(
          sent,
          "unavailable",
          /permission denied for uid 65534.*unixsocketperm 770.*fsGroup/,
        );
      } finally {
        process.seteuid!(0);
      }
    },
  );
});

describe("a certificate", { skip: withoutRedis }, () => {
  let certificates: Certificates;
  before(async () => (certificates = await makeCertificates()));
  after(() => certificates[Symbol.asyncDispose]());

  async function startTls({ ca = certificates.ca, server = certificates.server, clients = "no" } = {}) {
    const port = await freePort();
    const files = [`tls-cert-file ${server.cert}`, `tls-key-file ${server.key}`, `tls-ca-cert-file ${ca}`];
    const redis = await startRedis({ config: [`tls-port ${port}`, `tls-auth-clients ${clients}`, ...files] });
    const texts = { redis_ip: "127.0.0.1", redis_port: port, redis_tls: "on", redis_tls_ca: ca };
    return { texts, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  }

  const withClient = ({ cert, key }: Certificate) => ({ redis_tls_cert: cert, redis_tls_key: key });

  it("is not valid yet", async () => {
    await using folder = await temporaryFolder();
    const authority = createAuthority(folder.path);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().replaceAll(/[-T:]|\.\d+/g, "");
    const server = authority.issue("later", { names: "IP:127.0.0.1", begins: tomorrow });
    await using at = await startTls({ ca: authority.cert, server });
    await refused(at.texts, "unavailable", /not valid yet: is a clock wrong/);
  });

  it("of ours is another authority's", async () => {
    await using folder = await temporaryFolder();
    const stranger = createAuthority(folder.path).issue("stranger", { names: "DNS:client" });
    await using at = await startTls({ clients: "yes" });
    await refused(
      { ...at.texts, ...withClient(stranger) },
      "misconfigured",
      /refuses our client certificate: look at redis_tls_cert/,
    );
  });

  it("of ours and its key do not belong together", async () => {
    await using at = await startTls();
    const { client, server } = certificates;
    const mixed = withClient({ cert: client.cert, key: server.key });
    const says = /redis_tls_cert and redis_tls_key do not belong together/;
    await refused({ ...at.texts, ...mixed }, "misconfigured", says);
  });

  it("is no certificate", async () => {
    await using at = await startTls();
    await using folder = await temporaryFolder();
    const [broken, text] = [join(folder.path, "broken.pem"), join(folder.path, "text")];
    await writeFile(broken, "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n");
    await writeFile(text, "my authority\n");
    const mixed = withClient({ cert: broken, key: certificates.client.key });
    await refused({ ...at.texts, ...mixed }, "misconfigured", /TLS: .*look at redis_tls_ca, redis_tls_cert/);
    await refused({ ...at.texts, redis_tls_ca: text }, "misconfigured", /redis_tls_ca: .* holds no PEM/);
  });
});

describe("another host", { skip: withoutRedis || whyNoNamespaces() }, () => {
  let namespaces: Namespaces;
  before(() => {
    // Nobody answers at the resolver's address.
    namespaces = openNamespaces({ hosts: "10.203.0.2 db.test", resolver: "10.203.0.9" });
  });
  after(() => namespaces[Symbol.asyncDispose]());

  function doctor(place: string) {
    const words = [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      "src/main.ts",
      "panpan",
      "--doctor",
    ];
    const { status, stdout } = spawnSync("ip", ["netns", "exec", namespaces.prober, ...words], {
      env: { PATH: process.env.PATH, MOUSTASH_REDIS_IP: place, MOUSTASH_SPOOL: "none" },
    });
    return { status, stdout: String(stdout) };
  }

  it("cannot be found, for DNS does not answer", () => {
    const { status, stdout } = doctor("redis.example.com");
    assert.equal(status, 69);
    assert.match(stdout, /the name redis\.example\.com could not be resolved now: DNS does not answer/);
  });

  it("is beyond every route", () => {
    const { status, stdout } = doctor("10.99.0.1");
    assert.equal(status, 69);
    assert.match(stdout, /10\.99\.0\.1:6379: no way to it \(ENETUNREACH\).*redis_ip/);
  });

  it("has a Redis in protected mode", async () => {
    const args = ["--bind", "10.203.0.2", "--protected-mode", "yes", "--save", ""];
    const redis = namespaces.start("targets", "redis-server", args);
    try {
      await eventually(() => {
        const { status, stdout } = doctor("db.test");
        assert.match(stdout, /is in protected mode.*set a password there and redis_password here/);
        assert.equal(status, 78);
        return true;
      });
    } finally {
      await redis.end();
    }
  });
});
