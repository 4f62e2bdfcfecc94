// Black holes, rejections, broken families and troubles of our own, made for real in network namespaces of the test's.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createAuthority } from "../servers/authority.ts";
import { type Namespaces, openNamespaces, whyNoNamespaces } from "../servers/namespaces.ts";
import { missing } from "../servers/probed.ts";
import {
  type Child,
  type TemporaryFolder,
  eventually,
  startChild,
  temporaryFolder,
} from "../servers/server.ts";

const root = join(import.meta.dirname, "../..");
const noNamespaces = whyNoNamespaces();

// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

suite("the network", { skip: noNamespaces }, () => {
  let net: Namespaces;
  let folder: TemporaryFolder;
  const children: Child[] = [];

  before(async () => {
    folder = await temporaryFolder();
    net = openNamespaces({
      hosts: `10.203.0.2 dual.test\nfd00:203::2 dual.test\n10.203.0.2 v6.test\nfd00:203::3 v6.test\n10.203.0.2 good.test\n10.203.0.2 other.test\n${Array.from({ length: 200 }, (_, index) => `127.0.2.${index + 1} many.test`).join("\n")}`,
      resolver: "10.203.0.9",
    });
    const listeners = net.start("targets", process.execPath, [
      join(root, "test/servers/listeners.ts"),
      "80",
      "81",
      "82",
      "83",
    ]);
    children.push(listeners);
    await eventually(() => listeners.output().includes("listening"));
    net.inTargets(
      "nft",
      `add rule inet t in tcp dport 81 drop;
       add rule inet t in ip daddr 10.203.0.0/24 tcp dport 82 reject with icmp type host-unreachable;
       add rule inet t in tcp dport 83 reject with tcp reset;
       add rule inet t in ip6 daddr fd00:203::3 drop;
       add rule inet t in udp dport 53 drop;`,
    );
  });
  after(async () => {
    for (const child of children) await child.end();
    await net[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const environment = (probes: Record<string, string>, more: Record<string, string> = {}) => ({
    PATH: process.env["PATH"],
    MOUSTASH_CONFIG: "none",
    MOUSTASH_SPOOL: "none",
    MOUSTASH_TRANSPORT: "stdout",
    MOUSTASH_HOST: "trial-1",
    CUIR_HTTP: "none",
    CUIR_PROBES: Object.entries(probes)
      .map(([program, target]) => `${program}: ${target}`)
      .join("\n"),
    ...more,
  });

  const cuir = (wrap: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv) => {
    const [command, ...rest] = [
      ...wrap,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(root, "src/main.ts"),
      "cuir",
      ...args,
    ];
    return net.start("prober", command!, rest, env);
  };

  const lines = (text: string): Decoded[] =>
    text
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          return [];
        }
      });

  async function round(
    probes: Record<string, string>,
    { wrap = [], env = {} }: { wrap?: string[]; env?: Record<string, string> } = {},
  ) {
    const child = cuir(wrap, ["--once"], environment(probes, env));
    children.push(child);
    await eventually(() => child.hasEnded(), { what: `the end of the round: ${child.output()}` });
    return Object.fromEntries(lines(child.output()).map((line) => [line.program, line])) as Record<
      string,
      Decoded
    >;
  }

  test("each kind of silence has its own word", async () => {
    const found = await round(
      {
        Open: "10.203.0.2:80:x",
        Open6: "[fd00:203::2]:80:x",
        Shut: "10.203.0.2:85:x",
        Hole: "10.203.0.2:81:x",
        Rejected: "10.203.0.2:82:x",
        Reset: "10.203.0.2:83:x",
        Nobody: "10.203.0.77:80:x",
        NoRoute: "192.0.2.1:80:x",
        NoRoute6: "[2001:db8::1]:80:x",
        NoResolver: "somewhere.example:80:x",
      },
      { env: { CUIR_TIMEOUT: "5s" } },
    );
    const words = Object.fromEntries(
      Object.entries(found).map(([program, { outcome, cause, step }]) => [program, [outcome, cause, step]]),
    );
    assert.deepEqual(words, {
      Open: ["up", undefined, "done"],
      Open6: ["up", undefined, "done"],
      Shut: ["down", "refused", "connect"],
      Hole: ["down", "timeout", "connect"],
      Rejected: ["down", "unreachable", "connect"],
      Reset: ["down", "refused", "connect"],
      Nobody: ["down", "unreachable", "connect"],
      NoRoute: ["unknown", "no_route", "connect"],
      NoRoute6: ["unknown", "no_route", "connect"],
      NoResolver: ["unknown", "resolver_away", "resolve"],
    });
    assert.ok(found["Hole"]!.duration_ms >= 4990 && found["Hole"]!.duration_ms < 6000);
  });

  test("a deadline holds for the resolver too", async () => {
    const found = await round({ NoResolver: "somewhere.example:80:x" }, { env: { CUIR_TIMEOUT: "300ms" } });
    assert.equal(found["NoResolver"]!.cause, "resolver_away");
    assert.ok(found["NoResolver"]!.duration_ms < 2000, String(found["NoResolver"]!.duration_ms));
  });

  test("a broken IPv6 is seen beside an IPv4 that works", async () => {
    const probes = { Dual: "dual.test:80:x", Half: "v6.test:80:x" };
    const found = await round(probes, { env: { CUIR_TIMEOUT: "1s" } });
    assert.equal(found["Dual"]!.outcome, "up");
    assert.equal(found["Dual"]!.addresses.length, 2);
    assert.equal(found["Half"]!.outcome, "degraded");
    assert.equal(found["Half"]!.cause, "address_down");
    assert.match(found["Half"]!.detail, /^fd00:203::3 timed out/);
    const all = await round(probes, { env: { CUIR_TIMEOUT: "1s", CUIR_ADDRESS: "all" } });
    assert.deepEqual([all["Half"]!.outcome, all["Half"]!.cause], ["down", "timeout"]);
    const first = await round(probes, { env: { CUIR_TIMEOUT: "1s", CUIR_ADDRESS: "first" } });
    assert.equal(first["Dual"]!.addresses, undefined);
  });

  test("a name of 200 addresses is asked at sixteen, side by side", async () => {
    const found = await round({ Many: "many.test:80:x" });
    assert.deepEqual([found["Many"]!.outcome, found["Many"]!.cause], ["down", "refused"]);
    assert.equal(found["Many"]!.addresses.length, 16);
  });

  test("names that nobody resolves do not hold up those that are known", async () => {
    const slow = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`Slow${index}`, `nowhere-${index}.example:80:x`]),
    );
    const ini = join(folder.path, "known.ini");
    writeFileSync(
      ini,
      "[Cuir]\ninterval = 500ms\ntimeout = 400ms\n[Cuir:Known]\ntarget = dual.test:80:x\nemit = all\n",
    );
    const child = cuir([], ["--config", ini], environment(slow));
    children.push(child);
    const outcomes = () =>
      lines(child.output())
        .filter((event) => event.program === "Known")
        .map((event) => event.cuir.outcome);
    await eventually(() => outcomes().slice(-12).join() === Array(12).fill("up").join(), {
      what: child.output(),
    });
    await child.end("SIGTERM");
  });

  test("a witness tells one target's silence from our own", async () => {
    const timing = { CUIR_INTERVAL: "300ms", CUIR_RECHECK: "100ms", CUIR_TIMEOUT: "300ms", CUIR_EMIT: "all" };
    const child = cuir(
      [],
      [],
      environment({ Lone: "10.203.0.6:80:x" }, { ...timing, CUIR_WITNESSES: "10.203.0.7:85" }),
    );
    children.push(child);
    const seen =
      (...tags: string[]) =>
      () =>
        lines(child.output()).find((event) => tags.every((tag) => event.tags?.includes(tag)));
    await eventually(seen("Lone", "up"), { what: child.output() });
    net.inTargets("nft", 'insert rule inet t in ip daddr 10.203.0.0/24 drop comment "all"');
    await eventually(seen("prober", "isolated"), { what: child.output() });
    assert.equal(seen("Lone", "down")(), undefined);
    const listed = net.inTargets("nft", "-a", "list", "chain", "inet", "t", "in");
    net.inTargets("nft", "insert rule inet t in ip daddr 10.203.0.6 drop");
    net.inTargets(
      "nft",
      "delete",
      "rule",
      "inet",
      "t",
      "in",
      "handle",
      /comment "all" # handle (\d+)/.exec(listed)![1]!,
    );
    const down = await eventually(seen("Lone", "down"), { what: child.output() });
    assert.equal(down.cuir.cause, "timeout");
    await child.end("SIGTERM");
  });

  test("targets on this machine prove nothing of the network, and nobody waits for them", async () => {
    const probes = {
      Self: "127.0.0.1:1:x",
      Here: "localhost:2:x",
      Six: "[::1]:3:x",
      Hole: "10.203.0.2:81:x",
    };
    const timing = { CUIR_INTERVAL: "1s", CUIR_RECHECK: "200ms", CUIR_TIMEOUT: "300ms" };
    const child = cuir([], [], environment(probes, timing));
    children.push(child);
    const down = await eventually(
      () => lines(child.output()).find((event) => event.program === "Hole" && event.tags?.includes("down")),
      { what: child.output() },
    );
    assert.equal(down.cuir.failures, 2);
    await child.end("SIGTERM");
  });

  test("trouble of our own is unknown: permissions, ports, descriptors", async () => {
    net.inProber("ip", "route", "add", "prohibit", "198.51.100.0/24");
    const forbidden = await round({ Forbidden: "198.51.100.1:84:x" }, { env: { CUIR_TIMEOUT: "1s" } });
    assert.deepEqual(
      [forbidden["Forbidden"]!.outcome, forbidden["Forbidden"]!.cause],
      ["unknown", "not_permitted"],
    );

    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`P${index}`, "10.203.0.2:80:x"]),
    );
    net.inProber("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=40000 40001");
    const ports = Object.values(
      await round({ ...many, Hole1: "10.203.0.2:81:x", Hole2: "10.203.0.2:81:x", Hole3: "10.203.0.2:81:x" }),
    );
    net.inProber("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999");
    assert.ok(
      ports.some(({ outcome, cause }) => outcome === "unknown" && cause === "no_ports"),
      JSON.stringify(ports[0]),
    );

    const holes = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`P${index}`, "10.203.0.2:81:x"]),
    );
    const descriptors = Object.values(
      await round(holes, { wrap: ["prlimit", "--nofile=50"], env: { CUIR_TIMEOUT: "1s" } }),
    );
    assert.ok(
      descriptors.some(({ outcome, cause }) => outcome === "unknown" && cause === "no_descriptors"),
      JSON.stringify(descriptors.map((one) => one.cause)),
    );
    assert.ok(descriptors.every(({ outcome, cause }) => outcome === "unknown" || cause === "timeout"));
  });

  test("cut off, it says so once, holds the verdicts back, and goes on when something answers", async () => {
    const probes = { A: "10.203.0.2:80:x", B: "10.203.0.3:80:x", C: "10.203.0.4:80:x", D: "10.203.0.5:80:x" };
    const env = environment(probes, {
      CUIR_INTERVAL: "500ms",
      CUIR_RECHECK: "100ms",
      CUIR_TIMEOUT: "400ms",
      CUIR_EMIT: "all",
    });
    const child = cuir([], [], env);
    children.push(child);
    const events = () => lines(child.output()).filter((event) => event.tags);
    const counted = (tag: string) =>
      Object.keys(probes).map(
        (program) => events().filter((event) => event.program === program && event.tags.includes(tag)).length,
      );
    await eventually(() => counted("up").every((count) => count >= 2), { what: child.output() });
    net.inTargets("nft", 'insert rule inet t in tcp dport 80 drop comment "cut"');
    const isolated = await eventually(() => events().find((event) => event.tags.includes("isolated")), {
      what: child.output(),
    });
    assert.deepEqual(isolated.tags, ["cuir", "prober", "isolated", "notification"]);
    await eventually(() => counted("unknown").every((count) => count >= 3), { what: child.output() });
    const handle = /tcp dport 80 drop comment "cut" # handle (\d+)/.exec(
      net.inTargets("nft", "-a", "list", "chain", "inet", "t", "in"),
    )![1]!;
    net.inTargets("nft", "delete", "rule", "inet", "t", "in", "handle", handle);
    await eventually(
      () => events().find((event) => event.tags.includes("prober") && event.tags.includes("up")),
      { what: child.output() },
    );
    assert.deepEqual(
      events().filter((event) => event.tags.includes("down")),
      [],
      "no target was blamed",
    );
    assert.equal(events().filter((event) => event.tags.includes("isolated")).length, 1);

    // One host alone that falls silent is the host's own trouble.
    net.inTargets("nft", "insert rule inet t in ip daddr 10.203.0.3 tcp dport 80 drop");
    const down = await eventually(() => events().find((event) => event.tags.includes("down")), {
      what: child.output(),
    });
    assert.equal(down.program, "B");
    assert.equal(down.cuir.cause, "timeout");
    net.inTargets("nft", "flush", "chain", "inet", "t", "in");
    await eventually(() => events().find((event) => event.program === "B" && event.tags.includes("up")), {
      what: child.output(),
    });
    await child.end("SIGTERM");
  });

  test(
    "beside blackbox_exporter",
    { skip: missing("/usr/bin/prometheus-blackbox-exporter", "/usr/sbin/nginx") },
    async () => {
      net.inTargets(
        "nft",
        "add rule inet t in tcp dport 81 drop; add rule inet t in ip6 daddr fd00:203::3 drop",
      );
      const authority = createAuthority(folder.path);
      const servers = (["good", "expired"] as const).map((name, index) => {
        const { cert, key } = authority.issue(name, {
          names: "DNS:good.test",
          days: name === "good" ? 60 : -2,
        });
        return `server { listen 10.203.0.2:${8443 + index} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; location / { return 204; } }`;
      });
      const conf = join(folder.path, "nginx.conf");
      writeFileSync(
        conf,
        `daemon off; master_process off; pid ${folder.path}/pid; error_log stderr; events {} http { access_log off; ${servers.join("\n")} }`,
      );
      children.push(net.start("targets", "/usr/sbin/nginx", ["-p", folder.path, "-c", conf]));
      const modules = join(folder.path, "blackbox.yml");
      writeFileSync(
        modules,
        `modules:\n  tcp: {prober: tcp, timeout: 2s}\n  http: {prober: http, timeout: 2s, http: {tls_config: {ca_file: ${authority.cert}}}}\n`,
      );
      children.push(
        net.start("prober", "/usr/bin/prometheus-blackbox-exporter", [
          `--config.file=${modules}`,
          "--web.listen-address=127.0.0.1:9115",
        ]),
      );
      const set: Record<string, [line: string, module: string, target: string]> = {
        open: ["10.203.0.2:80:x", "tcp", "10.203.0.2:80"],
        closed: ["10.203.0.2:85:x", "tcp", "10.203.0.2:85"],
        filtered: ["10.203.0.2:81:x", "tcp", "10.203.0.2:81"],
        "no route": ["192.0.2.1:80:x", "tcp", "192.0.2.1:80"],
        "resolver away": ["nowhere.example:80:x", "tcp", "nowhere.example:80"],
        "IPv6 broken": ["v6.test:80:x", "tcp", "v6.test:80"],
        "good certificate": ["https://good.test:8443/ x", "http", "https://good.test:8443/"],
        "expired certificate": ["https://good.test:8444/ x", "http", "https://good.test:8444/"],
        "wrong name": ["https://other.test:8443/ x", "http", "https://other.test:8443/"],
      };
      const names = Object.keys(set);
      const ini = join(folder.path, "set.ini");
      const sections = names
        .filter((name) => set[name]![1] === "http")
        .map((name) => `[Cuir:${name}]\ntls_ca = ${authority.cert}\n`);
      writeFileSync(
        ini,
        `[Cuir]\ntimeout = 2s\n${names.map((name) => `${name}: ${set[name]![0]}`).join("\n")}\n${sections.join("")}`,
      );
      const child = cuir([], ["--once", "--config", ini], { ...environment({}), CUIR_PROBES: "" });
      children.push(child);
      await eventually(() => child.hasEnded());
      const ours = Object.fromEntries(lines(child.output()).map((line) => [line.program, line]));
      const script = `const all = JSON.parse(process.argv[1]); const out = {};
      for (const [name, [, module, target]] of Object.entries(all)) {
        for (let tries = 0; ; tries += 1) try {
          const text = await (await fetch("http://127.0.0.1:9115/probe?module=" + module + "&target=" + encodeURIComponent(target))).text();
          out[name] = /^probe_success (\\d)/m.exec(text)[1] === "1" ? "success" : "failure"; break;
        } catch (error) { if (tries > 50) throw error; await new Promise((resolve) => setTimeout(resolve, 100)); }
      }
      console.log(JSON.stringify(out));`;
      const asked = startChild("ip", [
        "netns",
        "exec",
        net.prober,
        process.execPath,
        "--input-type=module",
        "-e",
        script,
        JSON.stringify(set),
      ]);
      children.push(asked);
      await eventually(() => asked.hasEnded(), { withinMs: 60_000 });
      const theirs = lines(asked.output())[0];
      const table = names.map((name) => [
        name,
        theirs[name],
        [ours[name].outcome, ours[name].cause].filter(Boolean).join(": "),
      ]);
      console.log(
        ["target set | blackbox_exporter | Cuir", ...table.map((row) => row.join(" | "))].join("\n"),
      );
      assert.deepEqual(table, [
        ["open", "success", "up"],
        ["closed", "failure", "down: refused"],
        ["filtered", "failure", "down: timeout"],
        ["no route", "failure", "unknown: no_route"],
        ["resolver away", "failure", "unknown: resolver_away"],
        ["IPv6 broken", "failure", "degraded: address_down"],
        ["good certificate", "success", "up"],
        ["expired certificate", "failure", "down: tls_expired"],
        ["wrong name", "failure", "down: tls_name"],
      ]);
    },
  );
});
