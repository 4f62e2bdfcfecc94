// Every kind of probe against real servers: one contract for all, then what each alone must tell.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, createServer } from "node:tls";
import { after, before, suite, test } from "node:test";
import { configureTargets, judgeTargets } from "../../src/probe/configure.ts";
import { parseDialogue } from "../../src/probe/dialogue.ts";
import type { Cause } from "../../src/probe/cause.ts";
import type { TargetValues } from "../../src/probe/settings.ts";
import { type Target, parseTarget } from "../../src/probe/target.ts";
import { readTrust } from "../../src/probe/trust.ts";
import { attempt, hostile, testProbe } from "../contract/probe.ts";
import { type Authority, type Certificate, createAuthority } from "../servers/authority.ts";
import {
  missing,
  postgresBinary,
  startDnsmasq,
  startDovecot,
  startNginx,
  startPostgres,
  startExim,
  startSshd,
} from "../servers/probed.ts";
import { startRedis } from "../servers/redis.ts";
import { type TemporaryFolder, eventually, startChild, temporaryFolder } from "../servers/server.ts";

let folder: TemporaryFolder;
let authority: Authority;

before(async () => {
  folder = await temporaryFolder();
  authority = createAuthority(folder.path);
});
after(() => folder[Symbol.asyncDispose]());

function target(line: string, values: TargetValues = {}): Target {
  const groups = [{ program: "X", values }];
  const parsed = [parseTarget("X", line)];
  assert.deepEqual([...judgeTargets(parsed, groups)], []);
  return configureTargets({
    targets: parsed,
    groups,
    settings: { lowercase_names: false, shard: undefined },
    host: "h",
  })[0]!;
}

/** A URL with another port. */
const movedTo = (one: Target, port: number): Target => ({
  ...one,
  port,
  ...(one.url === undefined ? undefined : { url: one.url.replace(/:\d+(?=\/|$)/, `:${port}`) }),
});

async function expectCause(one: Target, cause: Cause | undefined, detail?: RegExp) {
  const { outcome, trace } = await attempt(one);
  assert.equal(outcome.cause, cause, JSON.stringify({ outcome, trace }));
  if (detail) assert.match(outcome.detail ?? "", detail);
  return { outcome, trace };
}

const localNames = { names: "DNS:good.test,IP:127.0.0.1" };
let serial = 0;
const good = (days = 60) => authority.issue(`good-${(serial += 1)}`, { ...localNames, days });
const trusted = (more: TargetValues = {}): TargetValues => ({
  tls_ca: authority.cert,
  tls_name: "good.test",
  ...more,
});

testProbe("tcp", {
  async well() {
    const server = await hostile(() => {});
    return {
      target: target(`127.0.0.1:${server.port}:x`),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  elsewhere: movedTo,
});

suite("tls", { skip: missing("/usr/sbin/nginx", "/usr/bin/openssl") }, () => {
  testProbe("tls", {
    async well() {
      const server = await startNginx(folder.path, "", { tls: good() });
      return {
        target: target(`tls://127.0.0.1:${server.port}`, trusted()),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
    elsewhere: movedTo,
  });

  test("tells the certificate, and judges chain, name and days", async () => {
    await using server = await startNginx(folder.path, "", { tls: good(60) });
    const url = `tls://127.0.0.1:${server.port}`;
    const { outcome, trace } = await expectCause(target(url, trusted()), undefined);
    assert.match(String(outcome.evidence?.["tls_protocol"]), /^TLSv1\.[23]$/);
    assert.equal(outcome.evidence?.["certificate_days"], 59);
    assert.match(String(outcome.evidence?.["certificate_sha256"]), /^[0-9a-f]{64}$/);
    assert.ok(trace.tlsMs! > 0 && trace.connectMs! > 0);
    await expectCause(target(url, { tls_ca: authority.cert }), undefined);
    await expectCause(target(url, trusted({ tls_name: "other.test" })), "tls_name", /good\.test/);
    await expectCause(target(url), "tls_untrusted");
    await expectCause(target(url, { tls_verify: false }), undefined);
    const soon = await expectCause(target(url, trusted({ tls_days: 90 })), "tls_expires_soon", /59 days/);
    assert.equal(soon.outcome.verdict, "degraded");
    await expectCause(target(url, trusted({ tls_versions: ["tlsv1.2"] })), undefined);
  });

  test("an expired certificate, one that is to come, and no TLS at all", async () => {
    await using expired = await startNginx(folder.path, "", { tls: good(-2) });
    const { outcome } = await expectCause(
      target(`tls://127.0.0.1:${expired.port}`, trusted()),
      "tls_expired",
      /since/,
    );
    assert.equal(outcome.evidence?.["certificate_days"], -3);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().replaceAll(/[-T:]|\.\d+/g, "");
    const early = authority.issue("early", { ...localNames, begins: tomorrow });
    await using future = await startNginx(folder.path, "", { tls: early });
    await expectCause(target(`tls://127.0.0.1:${future.port}`, trusted()), "tls_not_yet_valid");
    await using plain = await startNginx(folder.path, "return 204;");
    await expectCause(target(`tls://127.0.0.1:${plain.port}`, trusted()), "tls_handshake");
  });

  test("a server that wants a certificate of ours", { skip: missing(postgresBinary) }, async () => {
    // nginx refuses in HTTP; a server of Node's own refuses in TLS.
    const { cert, key } = good();
    for (const minVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const server = createServer({
        cert: readFileSync(cert),
        key: readFileSync(key),
        ca: readFileSync(authority.cert),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion,
        maxVersion: minVersion,
      });
      server.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      const { port } = server.address() as { port: number };
      const own = good();
      const expects = { tls_expect: "client_certificate" as const };
      const refused = await attempt(target(`tls://127.0.0.1:${port}`, trusted(expects)));
      assert.equal(refused.outcome.verdict, "up", JSON.stringify(refused));
      await expectCause(
        target(`tls://127.0.0.1:${port}`, trusted({ ...expects, tls_cert: own.cert, tls_key: own.key })),
        "tls_open",
      );
      await expectCause(
        target(`tls://127.0.0.1:${port}`, trusted({ tls_cert: own.cert, tls_key: own.key })),
        undefined,
      );
      // TLS 1.2 has no word of its own for it (RFC 5246 §7.4.6).
      await expectCause(
        target(`tls://127.0.0.1:${port}`, trusted({ expect: /hello/ })),
        minVersion === "TLSv1.2" ? "tls_handshake" : "tls_client_certificate",
      );
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test("a certificate of ours that is renewed is taken, and half of a new one is not", async () => {
    const [first, second, server] = ["first", "second", "renewed"].map((name) =>
      authority.issue(name, { names: "DNS:a.test" }),
    ) as [Certificate, Certificate, Certificate];
    const [cert, key] = [join(folder.path, "ours.crt"), join(folder.path, "ours.key")];
    const use = ({ cert: from }: Certificate) => copyFileSync(from, cert);
    const useKey = ({ key: from }: Certificate) => copyFileSync(from, key);
    use(first);
    useKey(first);
    const options = { cert: readFileSync(server.cert), key: readFileSync(server.key), requestCert: true };
    const says = createServer({ ...options, rejectUnauthorized: false }, (socket) =>
      socket.end(String(socket.getPeerCertificate().subject.CN)),
    );
    await new Promise<void>((resolve) => {
      says.listen(0, "127.0.0.1", resolve);
    });
    const { port } = says.address() as { port: number };
    const trust = readTrust(trusted({ tls_cert: cert, tls_key: key }), { lookMs: 0 });
    const seen = () =>
      text(connect({ port, host: "127.0.0.1", rejectUnauthorized: false, secureContext: trust.context() }));
    assert.equal(await seen(), "first");
    use(second);
    assert.equal(await seen(), "first", "the key is the old one yet");
    useKey(second);
    assert.equal(await seen(), "second");
    rmSync(cert);
    assert.equal(await seen(), "second", "the file is away");
    use(first);
    useKey(first);
    assert.equal(await seen(), "first");
    await new Promise((resolve) => says.close(resolve));
  });
});

suite("http", { skip: missing("/usr/sbin/nginx") }, () => {
  const pages = `
    location / { default_type text/plain; add_header X-State "well"; return 200 "all is well\\n"; }
    location /missing { return 404; } location /broken { return 503; } location /secret { return 401; }
    location /there { return 302 /; } location /loop { return 302 /loop; } location /nowhere { return 302 ftp://x/; }
    location /far { return 302 http://no-such-host.invalid/; }`;

  testProbe("http", {
    async well() {
      const server = await startNginx(folder.path, pages);
      return {
        target: target(`http://127.0.0.1:${server.port}/`),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
    elsewhere: movedTo,
  });

  test("judges status, headers, body and redirects", async () => {
    await using server = await startNginx(folder.path, pages);
    const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
    const { outcome, trace } = await expectCause(target(url("/")), undefined);
    assert.equal(outcome.evidence?.["http_status"], 200);
    assert.match(String(outcome.evidence?.["http_server"]), /^nginx/);
    assert.ok(trace.firstByteMs! > 0);
    await expectCause(target(url("/missing")), "http_status", /^404 Not Found/);
    await expectCause(target(url("/broken")), "http_status", /^503/);
    await expectCause(target(url("/secret"), { http_status: [[401, 401]] }), undefined);
    await expectCause(target(url("/"), { http_header: /^x-state: well$/i }), undefined);
    await expectCause(target(url("/"), { http_header: /^x-state: ill$/i }), "http_header");
    await expectCause(target(url("/"), { http_body: /is well/ }), undefined);
    await expectCause(target(url("/"), { http_body: /is ill/ }), "http_body", /all is well/);
    await expectCause(target(url("/"), { http_not_body: /well/ }), "http_body");
    const there = await expectCause(target(url("/there")), undefined);
    assert.equal(there.outcome.evidence?.["redirects"], 1);
    await expectCause(target(url("/there"), { http_redirects: 0, http_status: [[302, 302]] }), undefined);
    await expectCause(target(url("/loop")), "http_redirects");
    await expectCause(target(url("/nowhere")), "http_redirects", /ftp/);
    await expectCause(target(url("/far")), "http_redirects", /no-such-host/);
    await using silent = await hostile((socket) => socket.on("data", () => socket.end()));
    await expectCause(target(`http://127.0.0.1:${silent.port}/`), "closed");
    await using other = await hostile((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    await expectCause(target(`http://127.0.0.1:${other.port}/`), "protocol");
  });

  test("over TLS the certificate is judged too", async () => {
    await using server = await startNginx(folder.path, pages, { tls: good() });
    const url = `https://127.0.0.1:${server.port}/`;
    const { outcome } = await expectCause(target(url, trusted()), undefined);
    assert.equal(outcome.evidence?.["http_status"], 200);
    assert.equal(outcome.evidence?.["certificate_days"], 59);
    await expectCause(target(url), "tls_untrusted");
    await using expired = await startNginx(folder.path, pages, { tls: good(-2) });
    await expectCause(target(`https://127.0.0.1:${expired.port}/`, trusted()), "tls_expired");
  });

  test("through a proxy", async () => {
    const seen: string[] = [];
    const { createServer } = await import("node:http");
    const { connect } = await import("node:net");
    await using server = await startNginx(folder.path, pages, { tls: good() });
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end("by proxy");
    });
    proxy.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      if (request.url?.startsWith("no.test")) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      const line = connect(server.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(line).pipe(socket);
      });
      for (const one of [line, socket]) one.on("error", () => {});
      return undefined;
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, "127.0.0.1", resolve);
    });
    const http_proxy = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    await expectCause(target("http://plain.test/x", { http_proxy, http_body: /by proxy/ }), undefined);
    await expectCause(target("https://good.test/", trusted({ http_proxy })), undefined);
    await expectCause(target("https://no.test/", trusted({ http_proxy })), "http_proxy", /403/);
    assert.deepEqual(seen, ["GET http://plain.test/x", "CONNECT good.test:443", "CONNECT no.test:443"]);
    await new Promise((resolve) => {
      proxy.close(resolve);
      proxy.closeAllConnections();
    });
  });
});

suite("exchange", () => {
  suite("ssh", { skip: missing("/usr/sbin/sshd") }, () => {
    testProbe("ssh", {
      async well() {
        const server = await startSshd(folder.path);
        return {
          target: target(`ssh://127.0.0.1:${server.port}`),
          [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
        };
      },
      elsewhere: movedTo,
    });
    test("the banner is told", async () => {
      await using server = await startSshd(folder.path);
      const { outcome } = await expectCause(target(`ssh://127.0.0.1:${server.port}`), undefined);
      assert.match(String(outcome.evidence?.["banner"]), /^SSH-2\.0-OpenSSH/);
    });
  });

  test("redis: PING, a password asked for, and no Redis", async () => {
    await using open = await startRedis();
    await expectCause(target(`redis://127.0.0.1:${open.port}`), undefined);
    await using locked = await startRedis({ password: "x" });
    await expectCause(target(`redis://127.0.0.1:${locked.port}`), undefined);
    // Redis waits for our word: the deadline ends that.
    await expectCause(target(`ssh://127.0.0.1:${open.port}`), "timeout");
  });

  const unlessRoot = process.getuid?.() === 0 ? false : "Exim and Dovecot are started as root here";

  test("smtp, with STARTTLS in mid-stream", { skip: unlessRoot || missing("/usr/sbin/exim4") }, async () => {
    await using server = await startExim(folder.path, good());
    const plain = await expectCause(target(`smtp://127.0.0.1:${server.port}`), undefined);
    assert.match(String(plain.outcome.evidence?.["banner"]), /^220 /);
    const secure = await expectCause(
      target(`smtp+starttls://127.0.0.1:${server.port}`, trusted()),
      undefined,
    );
    assert.match(String(secure.outcome.evidence?.["tls_protocol"]), /^TLSv1/);
    await expectCause(target(`smtp+starttls://127.0.0.1:${server.port}`), "tls_untrusted");
  });

  test(
    "imap, with STARTTLS in mid-stream",
    { skip: unlessRoot || missing("/usr/sbin/dovecot") },
    async () => {
      await using server = await startDovecot(folder.path, good());
      await expectCause(target(`imap://127.0.0.1:${server.port}`), undefined);
      const { outcome } = await expectCause(
        target(`imap+starttls://127.0.0.1:${server.port}`, trusted()),
        undefined,
      );
      assert.equal(outcome.evidence?.["certificate_days"], 59);
      await expectCause(target(`smtp://127.0.0.1:${server.port}`), "timeout", /^\* OK/);
    },
  );

  test("postgres: its SSLRequest, and its TLS", { skip: missing(postgresBinary) }, async () => {
    await using own = await temporaryFolder();
    await using server = await startPostgres(own.path, good());
    await expectCause(target(`postgres://127.0.0.1:${server.port}`), undefined);
    const { outcome } = await expectCause(
      target(`postgres+tls://127.0.0.1:${server.port}`, trusted()),
      undefined,
    );
    assert.equal(outcome.evidence?.["certificate_days"], 59);
    await expectCause(
      target(`postgres+tls://127.0.0.1:${server.port}`, trusted({ tls_name: "no.test" })),
      "tls_name",
    );
  });

  test("a dialogue of one's own, and words slipped in before TLS", async () => {
    const dialogue = parseDialogue("expect ^hello\nsend name?\\n\nexpect /cuir/i");
    await using server = await hostile((socket) => {
      socket.write("hello\n");
      socket.on("data", (chunk) => socket.write(chunk.includes("name?") ? "I am Cuir\n" : "what?\n"));
    });
    await expectCause(target(`127.0.0.1:${server.port}:x`, { dialogue }), undefined);
    await expectCause(target(`127.0.0.1:${server.port}:x`, { expect: /^hello/ }), undefined);
    await using sly = await hostile((socket) => {
      socket.write("220 x\r\n");
      socket.on("data", (chunk) =>
        socket.write(chunk.includes("EHLO") ? "250 ok\r\n" : "220 go\r\n250 injected\r\n"),
      );
    });
    await expectCause(target(`smtp+starttls://127.0.0.1:${sly.port}`), "unexpected", /before TLS/);
    await using drip = await hostile((socket) => socket.write("22"));
    await expectCause(target(`smtp://127.0.0.1:${drip.port}`), "timeout", /^22$/);
    await using ill = await hostile((socket) => socket.write("554 no service here\r\n"));
    await expectCause(target(`smtp://127.0.0.1:${ill.port}`), "unexpected", /554 no service/);
  });
});

testProbe("unix", {
  async well() {
    const server = await startRedis();
    return {
      target: target(`unix://${server.socket}`),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  // A path says nothing of ports: the contract's other cases are met over TCP.
  elsewhere: (one, port) => movedTo(target(`127.0.0.1:${port}:x`, { expect: /PONG/, ...one.values }), port),
});

test("unix: a socket that talks, one that is gone", async () => {
  await using server = await startRedis();
  await expectCause(
    target(`unix://${server.socket}`, { send: Buffer.from("PING\r\n"), expect: /PONG/ }),
    undefined,
  );
  await expectCause(target("unix:///nowhere/x.sock"), "no_socket");
  await expectCause(target("unix:///dev/null/x.sock"), "no_socket");
  await expectCause(target("unix:///dev/null"), "refused");
});

test("unix: a server that no longer accepts, a socket of another type, one that is not ours", async () => {
  const [full, datagram] = [join(folder.path, "full"), join(folder.path, "datagram")];
  const script = `import socket, sys, time
full = socket.socket(socket.AF_UNIX); full.bind(sys.argv[1]); full.listen(0)
first = socket.socket(socket.AF_UNIX); first.connect(sys.argv[1])
other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); other.bind(sys.argv[2])
print("ready", flush=True); time.sleep(600)`;
  const server = startChild("python3", ["-c", script, full, datagram]);
  await eventually(() => server.output().includes("ready"), { what: server.output() });
  await expectCause(target(`unix://${full}`), "busy");
  await expectCause(target(`unix://${datagram}`), "failed", /^EPROTOTYPE$/);
  await server.end();
});

suite("dns and udp", { skip: missing("/usr/sbin/dnsmasq") }, () => {
  const records = ["--host-record=shop.test,10.1.2.3", "--txt-record=note.test,hello", "--local=/test/"];
  testProbe("dns", {
    async well() {
      const server = await startDnsmasq(...records);
      return {
        target: target(`dns://127.0.0.1:${server.port}/shop.test`),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
    elsewhere: movedTo,
    isDatagram: true,
  });

  test("dns: answers, wrong answers, none", async () => {
    await using server = await startDnsmasq(...records);
    const url = (name: string) => `dns://127.0.0.1:${server.port}/${name}`;
    const { outcome } = await expectCause(target(url("shop.test"), { dns_expect: ["10.1.2.3"] }), undefined);
    assert.deepEqual(outcome.evidence?.["answers"], ["10.1.2.3"]);
    await expectCause(target(url("shop.test"), { dns_expect: ["10.1.2.4"] }), "dns_answer", /10\.1\.2\.3/);
    await expectCause(target(url("gone.test")), "dns_no_such_name");
    await expectCause(target(url("shop.test"), { dns_type: "mx" }), "dns_no_record");
    await expectCause(target(url("note.test"), { dns_type: "txt", dns_expect: ["hello"] }), undefined);
    await expectCause(target(url("example.com")), "dns_failed", /REFUSED/);
    await expectCause(target(url("x".repeat(70))), "dns_failed", /BADNAME/);
  });

  test("udp: only the expected answer is up", async () => {
    await using server = await startDnsmasq(...records);
    const question = Buffer.from("1234010000010000000000000473686f7004746573740000010001", "hex");
    const { outcome } = await expectCause(
      target(`udp://127.0.0.1:${server.port}`, { send: question, expect: /shop/ }),
      undefined,
    );
    assert.match(String(outcome.evidence?.["banner"]), /shop/);
    await using closed = await hostile(() => {});
    const { port } = closed;
    await closed[Symbol.asyncDispose]();
    await expectCause(target(`udp://127.0.0.1:${port}`, { send: question, expect: /x/ }), "refused");
  });
});
