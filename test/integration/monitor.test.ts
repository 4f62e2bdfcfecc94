// What watches a daemon, under load and attack: it answers, gives nothing away, and leaves the work alone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type Socket, connect } from "node:net";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { askHealth } from "../../src/monitor/health.ts";
import { openMonitor } from "../../src/monitor/monitor.ts";
import { createLedger } from "../../src/monitor/ledger.ts";
import { serve } from "../../src/monitor/server.ts";
import { eventually, freePort, startChild, temporaryFolder } from "../servers/server.ts";
import { madeUpTarget, openWatched } from "../servers/watched.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");
const local = (port: number) => ({ host: "127.0.0.1", port });

function health(tool: string, env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, tool, "--health"],
    {
      env: { PATH: process.env.PATH, ...env },
      encoding: "utf8",
    },
  );
  return { status, stdout, stderr };
}

describe("a daemon that is watched", { concurrency: 2 }, () => {
  test("only reads: other methods are refused, and nothing unknown is there", async () => {
    await using watched = await openWatched([madeUpTarget("SSH")]);
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await fetch(`${watched.url}api/targets`, { method });
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
    }
    for (const path of ["nothing", "../etc/passwd", "constructor", "__proto__", "healthz/"])
      assert.equal((await fetch(watched.url + path)).status, 404, path);
    const head = await fetch(watched.url, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    assert.match(head.headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self'; /);
  });

  test("asks for credentials where they are set, but not for health", async () => {
    await using watched = await openWatched([madeUpTarget("SSH")], { access: { token: "secret" } });
    for (const path of ["", "api/targets", "metrics", "rows", "page.js", "nothing"]) {
      const response = await fetch(watched.url + path);
      assert.equal(response.status, 401, path);
      assert.match(response.headers.get("www-authenticate")!, /^Basic /);
    }
    for (const path of ["healthz", "readyz"])
      assert.equal((await fetch(watched.url + path)).status, 200, path);
    const headers = { authorization: "Bearer secret" };
    assert.equal((await fetch(`${watched.url}api/targets`, { headers })).status, 200);
  });

  test("is not ready where neither broker nor spool would take an event", async () => {
    const spool = { durable: true, bytes: 0 };
    const ledger = createLedger();
    const status = async () => ({ count: 0, bytes: spool.bytes, mostBytes: 100, rejected: 0 });
    await using monitor = await openMonitor({
      tool: "fouet",
      host: "web-1",
      version: "1.0.0",
      address: local(0),
      report: () => {},
      sources: { ledger, spool: { durable: true, status } },
    });
    const ready = async () => {
      const response = await fetch(`http://127.0.0.1:${monitor.port}/readyz`);
      return `${response.status} ${(await response.text()).trim()}`;
    };
    assert.equal(await ready(), "200 ready");
    spool.bytes = 100;
    assert.match(await ready(), /^503 not ready: the broker has not answered yet, and the spool is full/);
    spool.bytes = 0;
    ledger.observe.brokerAway({ code: "unavailable" });
    assert.equal(await ready(), "200 ready");
    spool.bytes = 100;
    assert.equal(await ready(), "503 not ready: the broker is away (unavailable), and the spool is full");
    spool.bytes = 0;
    ledger.observe.spoolTrouble({ code: "spool_unwritable" });
    assert.match(await ready(), /^503 .*takes nothing \(spool_unwritable\)/);
    ledger.observe.brokerFound();
    ledger.observe.brokerBack();
    assert.equal(await ready(), "200 ready");
  });

  test("is not alive when no probe has ended for too long", async () => {
    const sources = {
      ledger: createLedger(),
      targets: () => [madeUpTarget("SSH", { intervalMs: 500, timeoutMs: 500 })],
      graceMs: 0,
    };
    await using watched = await openWatched([], {
      sources: { ...sources, spool: { durable: false, status: () => new Promise(() => {}) } },
    });
    // A new list has its own time: what was before it, such as hours without a target, is no quiet of its probes.
    for (const remedy of [() => sources.ledger.listed(), () => sources.ledger.probed("SSH", "down", 1)]) {
      const status = async () => (await fetch(`${watched.url}healthz`)).status;
      await eventually(async () => (await status()) === 503, { what: "a quiet Cuir" });
      remedy();
      await eventually(async () => (await status()) === 200, { what: "a Cuir that probes, or will" });
    }
    const { alive, text } = await askHealth({ tool: "cuir", address: local(watched.port) });
    assert.ok(alive || text.startsWith("not alive: no probe has ended for"), text);
  });

  test("answers while 1,000 connections are silent and others send a byte at a time", async () => {
    await using watched = await openWatched([madeUpTarget("SSH")]);
    const sockets: Socket[] = [];
    const open = (greeting: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(watched.port, "127.0.0.1", () => {
          socket.write(greeting);
          resolve();
        });
        socket.on("error", () => resolve());
        sockets.push(socket);
      });
    for (let count = 0; count < 500; count += 1) await open("");
    for (let count = 0; count < 500; count += 1) await open("GET / HTTP/1.1\r\nX-Slow: ");
    const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write("x")), 50);
    try {
      for (const path of ["healthz", "metrics", "api/targets", ""]) {
        const response = await fetch(watched.url + path, { headers: { connection: "close" } });
        assert.equal(response.status, 200, path);
        assert.ok((await response.text()).length > 0);
      }
      assert.deepEqual(await askHealth({ tool: "cuir", address: local(watched.port) }), {
        alive: true,
        text: "alive",
      });
      // They are not kept for long: those who never finish a request are let go.
      await eventually(() => sockets.every((socket) => socket.destroyed), {
        what: "the end of the slow ones",
      });
    } finally {
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
    }
  });

  test("gives a reader who never reads no memory for ever, and others their answers", async () => {
    const views = Array.from({ length: 2000 }, (_, at) => madeUpTarget(`Target ${at}`));
    await using watched = await openWatched(views);
    const greedy: Socket[] = [];
    for (let count = 0; count < 100; count += 1) {
      const socket = connect(watched.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.pause();
      socket.write("GET /api/targets HTTP/1.1\r\nHost: x\r\n\r\n");
      greedy.push(socket);
    }
    try {
      const before = process.memoryUsage().external;
      const answers = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const response = await eventually(async () => {
            const response = await fetch(`${watched.url}metrics`);
            return response.status === 200 ? response : await response.text().then(() => undefined);
          });
          return (await response.text()).length;
        }),
      );
      assert.ok(Math.min(...answers) > 2000 * 100);
      const grown = process.memoryUsage().external - before;
      assert.ok(grown < 256 * 2 ** 20, `${grown} bytes`);
    } finally {
      for (const socket of greedy) socket.destroy();
    }
  });

  test("counts all that a client holds who asks again before it has read, until it leaves", async () => {
    const mb = "x".repeat(2 ** 20);
    await using server = await serve({
      address: local(0),
      routes: {
        "/": {
          answer: () => ({
            type: "text/plain",
            body: ReadableStream.from(Array.from({ length: 16 }, () => mb)),
          }),
        },
      },
      isAllowed: () => true,
      headers: {},
      onError: (error) => assert.fail(String(error)),
    });
    const asked: Socket[] = [];
    const ask = (times: number) => {
      const socket = connect(server.port, "127.0.0.1").on("error", () => {});
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(times));
      asked.push(socket);
      return socket;
    };
    const fetched = async () => (await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).length;
    try {
      for (let count = 0; count < 2; count += 1) {
        const socket = ask(3);
        await fetched();
        await fetched();
        socket.destroy();
      }
      // Those have left: of what they held nothing is counted any more, and a slow reader has its time.
      const slow = ask(1);
      let read = 0;
      slow.on("data", (bytes) => (read += bytes.length)).pause();
      assert.equal(await fetched(), 16 * 2 ** 20);
      slow.resume();
      await eventually(() => read > 16 * 2 ** 20, { what: "all of the slow reader's answer" });
      const greedy = ask(5);
      const closed = once(greedy, "close");
      await fetched();
      await fetched();
      greedy.resume();
      await closed;
      assert.ok(greedy.bytesRead < 5 * 16 * 2 ** 20, "who asks for more than there is room for gives way");
    } finally {
      for (const socket of asked) socket.destroy();
    }
  });

  test("has metrics that promtool finds clean, and labels in bounds", async (t) => {
    const views = [
      madeUpTarget('quo"te\\d\n'),
      madeUpTarget("SSH", { status: "down", cause: "refused" }),
      madeUpTarget("?", { known: false }),
    ];
    await using watched = await openWatched(views, {
      sources: {
        ledger: createLedger(),
        spool: {
          durable: true,
          status: async () => ({ count: 1, bytes: 2, mostBytes: 3, rejected: 0, oldestAtMs: 4 }),
        },
        targets: () => views,
        listens: true,
      },
    });
    watched.ledger.probed("SSH", "down", 3);
    watched.ledger.observe.accepted(3, { at: "broker", listLength: 3 });
    const metrics = async () => (await fetch(`${watched.url}metrics`)).text();
    const text = await metrics();
    assert.match(text, /^probe_success\{program="SSH"\} 0$/m);
    assert.match(text, /^probe_success\{program="quo\\"te\\\\d\\n"\} 1$/m);
    assert.doesNotMatch(text, /^probe_success\{program="\?"\}/m, "what cannot be judged is neither");
    assert.match(text, /^moustash_targets\{state="unknown"\} 1$/m);
    assert.match(text, /^moustash_spool_events 1$/m);
    const series = (body: string) =>
      body
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.replace(/ \S+$/, ""));
    const first = series(text);
    assert.equal(new Set(first).size, first.length, "no series twice");
    for (let count = 0; count < 20; count += 1) await metrics();
    const grown = series(await metrics()).filter(
      (name) => !first.includes(name) && !name.startsWith("nodejs_gc"),
    );
    assert.deepEqual(grown, [], "looking adds no series");
    const { status, stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    if (error) return t.skip("no promtool: apt-get install prometheus runs this part");
    assert.equal(stdout + stderr, "");
    assert.equal(status, 0);
  });

  test("says which setting is wrong where the address is taken, works on, and takes it when it is free", async () => {
    const other = createServer((_, response) => response.end("somebody else"));
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const said: string[] = [];
    await using monitor = await openMonitor({
      tool: "fouet",
      host: "web-1",
      version: "1.0.0",
      address: local(port),
      report: (level, message) => said.push(`${level} ${message}`),
      retryMs: 20,
      sources: { ledger: createLedger(), spool: { durable: false, status: () => new Promise(() => {}) } },
    });
    assert.match(
      said[0]!,
      /^warn \[Fouet\] http \(FOUET_HTTP\) 127\.0\.0\.1:\d+ cannot be served: something listens there already/,
    );
    const stranger = await askHealth({ tool: "fouet", address: local(port) });
    assert.equal(stranger.alive, false, "another's answer is not ours");
    assert.match(stranger.text, /is something else, not fouet/);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    await eventually(() => monitor.port === port, { what: "our turn" });
    assert.equal(said.length, 2);
    assert.equal((await askHealth({ tool: "fouet", address: local(port) })).alive, true);
    assert.equal((await askHealth({ tool: "cuir", address: local(port) })).alive, false);
  });

  test("moves to another address, and asks there what it is told to ask", async () => {
    await using watched = await openWatched([madeUpTarget("SSH")]);
    const { monitor } = watched;
    const ask = async (port: number, token = "") => {
      const headers = { authorization: `Bearer ${token}`, connection: "close" };
      return (await fetch(`http://127.0.0.1:${port}/api/targets`, { headers })).status;
    };
    const at = local(await freePort());
    assert.equal(await monitor.move({ address: at }), true);
    await assert.rejects(ask(watched.port), "the old address is closed");
    assert.equal(await ask(at.port), 200);
    assert.equal(await monitor.move({ address: at, access: { token: "secret" } }), true);
    assert.equal(await ask(at.port), 401);
    assert.equal(await ask(at.port, "secret"), 200);
    // The old address is in the way of the new one.
    const all = { host: "::", port: at.port };
    assert.equal(await monitor.move({ address: all, access: { token: "secret" } }), true);
    assert.equal(await ask(at.port, "secret"), 200);
    assert.equal(await monitor.move({ address: undefined }), true);
    await assert.rejects(ask(at.port));
    assert.equal(await monitor.move({ address: at }), true);
    assert.equal(await ask(at.port), 200);
  });

  test("keeps its address where the new one is taken, no wider than before, and moves when it is free", async () => {
    const other = createServer((_, response) => response.end("somebody else")).unref();
    const taken = local(await freePort());
    await new Promise<void>((resolve) => other.listen(taken.port, taken.host, resolve));
    const said: string[] = [];
    const address = local(await freePort());
    await using watched = await openWatched([], {
      address,
      access: { token: "old" },
      report: (level, message) => said.push(`${level} ${message}`),
      retryMs: 20,
    });
    const { monitor } = watched;
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${token}`, connection: "close" };
      return (await fetch(`http://127.0.0.1:${address.port}/metrics`, { headers })).status;
    };
    assert.equal(await monitor.move({ address: taken, access: { token: "new" } }), false);
    assert.match(
      said.at(-1)!,
      /^warn \[Cuir\] http .* cannot be served: something listens there already; .* 127\.0\.0\.1:\d+ is kept, and tries go on$/,
    );
    assert.equal(monitor.port, address.port);
    assert.deepEqual([await ask("old"), await ask("new")], [401, 200]);
    assert.equal(await monitor.move({ address: taken }), false);
    assert.deepEqual([await ask(""), await ask("new")], [401, 200]);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    await eventually(() => monitor.port === taken.port, { what: "our turn" });
    assert.equal((await fetch(`http://127.0.0.1:${taken.port}/metrics`)).status, 200);
    await assert.rejects(ask("new"), "the old address is closed");
  });

  test("goes back to its address where it was in the way of the new one, and another is too", async () => {
    await using watched = await openWatched([], {
      address: local(await freePort()),
      access: { token: "old" },
    });
    const { monitor, port } = watched;
    const headers = { connection: "close" };
    const stranger = createServer().unref();
    await new Promise<void>((resolve) => stranger.listen(port, "127.0.0.2", resolve));
    assert.equal(await monitor.move({ address: { host: "::", port } }), false);
    assert.equal(monitor.port, port);
    assert.equal(
      (await fetch(`${watched.url}metrics`, { headers })).status,
      401,
      "and is no wider than before",
    );
    await new Promise((resolve) => stranger.close(resolve));
    assert.equal(await monitor.move({ address: { host: "::", port } }), true);
    assert.equal((await fetch(`${watched.url}metrics`, { headers })).status, 200);
  });

  test("serves all addresses by one setting, IPv4 too", async () => {
    await using watched = await openWatched([], { address: { host: "::", port: 0 } });
    assert.equal((await fetch(`http://127.0.0.1:${watched.port}/healthz`)).status, 200);
    assert.equal(
      (await askHealth({ tool: "cuir", address: { host: "::", port: watched.port } })).alive,
      true,
    );
  });
});

describe("both daemons, as processes", { concurrency: 2 }, () => {
  for (const tool of ["cuir", "fouet"]) {
    test(`${tool} is scraped`, async (t) => {
      await using folder = await temporaryFolder();
      const port = await freePort();
      const env = {
        PATH: process.env.PATH,
        MOUSTASH_SPOOL: join(folder.path, "spool"),
        // Nobody listens there: the daemon is alive, and ready, since the disk takes what it says.
        MOUSTASH_REDIS_PORT: "1",
        [`${tool.toUpperCase()}_HTTP`]: `127.0.0.1:${port}`,
        ...(tool === "cuir"
          ? { CUIR_PROBES: "Web: 127.0.0.1:1:the shop\nSSH: 127.0.0.1:1:ssh server for HULK" }
          : { FOUET_LISTEN: join(folder.path, "fouet.sock") }),
      };
      const child = startChild(process.execPath, [entry, tool], { env });
      try {
        const get = async (path: string) => {
          const response = await fetch(`http://127.0.0.1:${port}${path}`);
          return response.ok ? await response.text() : undefined;
        };
        assert.equal(await eventually(() => get("/healthz"), { what: `${tool} to be alive` }), "alive\n");
        assert.equal(await eventually(() => get("/readyz"), { what: `${tool} to be ready` }), "ready\n");
        const away = async () =>
          (await get("/metrics"))?.includes("\nmoustash_broker_up 0\n") ? true : undefined;
        await eventually(away, { what: "the broker to be known as away" });
        if (tool === "cuir") {
          const down = async () =>
            (await get("/metrics"))?.includes('moustash_targets{state="down"} 2') ? true : undefined;
          await eventually(down, { what: "both targets to be down" });
          const { counts, targets } = JSON.parse((await get("/api/targets"))!) as {
            counts: Record<string, number>;
            targets: Record<string, unknown>[];
          };
          assert.deepEqual(counts, { down: 2, unknown: 0, degraded: 0, new: 0, up: 0 });
          const { program, source, state, cause, informations } = targets[0]!;
          assert.deepEqual(
            { program, source, state, cause, informations },
            {
              program: "Web",
              source: "127.0.0.1:1",
              state: "down",
              cause: "refused",
              informations: "the shop",
            },
          );
        } else assert.match((await get("/metrics"))!, /^moustash_supervisor_connections 0$/m);
        const input = (await get("/metrics"))!;
        const { status, stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], {
          input,
          encoding: "utf8",
        });
        if (error) return t.skip("no promtool: apt-get install prometheus runs this part");
        assert.equal(stdout + stderr, "");
        assert.equal(status, 0);
      } catch (error) {
        throw new Error(child.output(), { cause: error });
      } finally {
        await child.end();
      }
    });
  }

  test("a counter of Cuir stays where it was when targets are taken off the list", async () => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const file = join(folder.path, "moustash.ini");
    const write = (targets: string) =>
      writeFile(
        file,
        `[Moustash]\ntransport: stdout\nspool: none\n[Cuir]\nhttp: 127.0.0.1:${port}\ninterval: 100ms\n${targets}\n`,
      );
    await write("Web: 127.0.0.1:1:the shop\nSSH: 127.0.0.1:1:ssh server for HULK");
    const child = startChild(process.execPath, [entry, "cuir", "--config", file]);
    try {
      const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const missed = async () =>
        Number(/^moustash_probe_rounds_missed_total (\S+)$/m.exec(await metrics())?.[1]);
      await eventually(async () => (await metrics()).includes('moustash_targets{state="down"} 2'), {
        what: "both targets to be probed",
      });
      child.halt();
      await sleep(1000);
      child.signal("SIGCONT");
      const before = await eventually(async () => ((await missed()) >= 8 ? await missed() : undefined), {
        what: "rounds that were missed",
      });
      await write("SSH: 127.0.0.1:1:ssh server for HULK");
      await eventually(async () => !(await metrics()).includes('program="Web"'), { what: "the new list" });
      assert.ok((await missed()) >= before, `${await missed()} after ${before}`);
    } finally {
      await child.end();
    }
  });
});

describe("--health", { concurrency: 2 }, () => {
  test("tells a Cuir that lives from one that does not, and from one that hangs", async () => {
    const port = await freePort();
    const env = { CUIR_HTTP: `[::]:${port}`, MOUSTASH_TRANSPORT: "stdout", MOUSTASH_SPOOL: "none" };
    const gone = health("cuir", env);
    assert.equal(gone.status, 1);
    assert.match(gone.stdout, /^nothing answers at /);
    const cuir = startChild(process.execPath, [entry, "cuir"], { env: { PATH: process.env.PATH, ...env } });
    try {
      await eventually(() => health("cuir", env).status === 0, { what: "a Cuir that lives" });
      cuir.process.kill("SIGSTOP");
      const hung = health("cuir", env);
      assert.equal(hung.status, 1);
      assert.match(hung.stdout, /no answer within/);
    } finally {
      await cuir.end();
    }
  });

  test("does not mind what else is wrong in the configuration", () => {
    const env = {
      FOUET_HTTP: "none",
      MOUSTASH_REDIS_PROT: "1",
      MOUSTASH_REDIS_PORT: "x",
      MOUSTASH_REDIS_PASSWORD_FILE: "/nowhere/password",
    };
    assert.equal(health("fouet", env).status, 0);
    const port = health("cuir", { ...env, CUIR_HTTP: "127.0.0.1:1" });
    assert.deepEqual([port.status, port.stdout], [1, "nothing answers at 127.0.0.1:1: ECONNREFUSED\n"]);
    const wrong = health("cuir", { ...env, CUIR_HTTP: "here" });
    assert.match(wrong.stderr, /CUIR_HTTP: http: "here" is no address.*the usual address is asked/);
  });

  test("asks nobody where http is none", () => {
    const { status, stdout } = health("fouet", { FOUET_HTTP: "none" });
    assert.equal(status, 0);
    assert.match(stdout, /^http is none/);
  });
});

test("probing is as punctual under attack as in peace", async () => {
  const port = await freePort();
  const target = createServer().on("connection", (socket) => socket.on("error", () => {}));
  const targetPort = await freePort();
  await new Promise<void>((resolve) => target.listen(targetPort, "127.0.0.1", resolve));
  await using folder = await temporaryFolder();
  const file = join(folder.path, "moustash.ini");
  const lines = Array.from({ length: 200 }, (_, at) => `T${at}: 127.0.0.1:${targetPort}:target ${at}`);
  await writeFile(
    file,
    `[Moustash]\ntransport: stdout\nspool: none\n[Cuir]\nhttp: 127.0.0.1:${port}\ninterval: 1s\n${lines.join("\n")}\n`,
  );
  const cuir = startChild(process.execPath, [entry, "cuir", "--config", file]);
  const sockets: Socket[] = [];
  try {
    const numbers = async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
      return { lag: read("moustash_probe_lag_seconds"), missed: read("moustash_probe_rounds_missed_total") };
    };
    const watch = async (rounds: number) => {
      const lags: number[] = [];
      for (let count = 0; count < rounds; count += 1) {
        await sleep(100);
        lags.push((await numbers()).lag);
      }
      return lags.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
    };
    await eventually(async () => (await numbers()).lag > 0, { what: "the first probes" });
    await watch(5);
    const before = await numbers();
    const peace = await watch(20);
    const between = await numbers();
    for (let count = 0; count < 1000; count += 1) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("connect", () => count % 2 === 0 && socket.write("GET / HTTP/1.1\r\nX-Slow: "));
      sockets.push(socket);
    }
    const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write("x")), 100);
    const war = await watch(20);
    clearInterval(drip);
    // A slow machine is slow in both; a loop that is held up would be late by whole turns of an interval.
    assert.ok(war < Math.max(peace * 5, 0.1), `median lag ${war} s under attack, ${peace} s in peace`);
    const [inPeace, inWar] = [between.missed - before.missed, (await numbers()).missed - between.missed];
    assert.ok(inWar <= inPeace + 10, `${inWar} rounds were skipped under attack, ${inPeace} in peace`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await cuir.end();
    target.closeAllConnections();
    target.close();
  }
});
