// Black holes, rejections, broken families and troubles of our own, made for real in network namespaces of the test's.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
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

const both = (url: string) => ({ ours: url, module: "http", theirs: url });

/** The first three columns of the table under a heading of docs/CUIR.md. */
function tableOf(heading: string): string[][] {
  const page = readFileSync(join(root, "docs/CUIR.md"), "utf8");
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const rows = section.split("\n## ")[0]!.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, 4)
      .map((cell) => cell.trim()),
  );
}

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
    return Object.fromEntries(lines(child.stdout()).map((line) => [line.program, line])) as Record<
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
      lines(child.stdout())
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
        lines(child.stdout()).find((event) => tags.every((tag) => event.tags?.includes(tag)));
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
      () => lines(child.stdout()).find((event) => event.program === "Hole" && event.tags?.includes("down")),
      { what: child.output() },
    );
    assert.equal(down.cuir.failures, 2);
    await child.end("SIGTERM");
  });

  /** A list of several kinds, in a file of its own. */
  async function roundOf(
    list: readonly string[],
    { wrap = [], timeout = "1s" }: { wrap?: string[]; timeout?: string } = {},
  ) {
    const ini = join(folder.path, "list.ini");
    writeFileSync(ini, `[Cuir]\ntimeout = ${timeout}\n${list.join("\n")}\n`);
    const child = cuir(wrap, ["--once", "--config", ini], { ...environment({}), CUIR_PROBES: "" });
    children.push(child);
    await eventually(() => child.hasEnded(), { what: `the end of the round: ${child.output()}` });
    return lines(child.stdout());
  }
  const times = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index));
  const udp = (program: string, place: string, payload = "x") =>
    `[Cuir:${program}]\ntarget = udp://${place} u\nsend = ${payload}\nexpect = y`;
  const verdicts = (rows: readonly Decoded[]) =>
    Object.fromEntries(rows.map(({ program, outcome, cause }) => [program, `${outcome} ${cause}`]));

  test("a route that forbids, leads nowhere or is not there is our own trouble, whatever the kind", async () => {
    net.inProber("ip", "route", "add", "prohibit", "198.51.100.0/24");
    net.inProber("ip", "route", "add", "blackhole", "198.51.101.0/24");
    const rows = await roundOf([
      "Forbidden: 198.51.100.1:84:x",
      "Swallowed: 198.51.101.1:84:x",
      "ForbiddenNames: dns://198.51.100.1/shop.test x",
      "SwallowedNames: dns://198.51.101.1/shop.test x",
      "LostNames: dns://192.0.2.1/shop.test x",
      udp("ForbiddenUdp", "198.51.100.1:5"),
      udp("SwallowedUdp", "198.51.101.1:5"),
      udp("LostUdp", "192.0.2.1:5"),
    ]);
    assert.deepEqual(verdicts(rows), {
      Forbidden: "unknown not_permitted",
      Swallowed: "unknown no_route",
      ForbiddenNames: "unknown not_permitted",
      SwallowedNames: "unknown no_route",
      LostNames: "unknown no_route",
      ForbiddenUdp: "unknown not_permitted",
      SwallowedUdp: "unknown no_route",
      LostUdp: "unknown no_route",
    });
  });

  test("a firewall of our own that keeps datagrams back is not the target's", async () => {
    net.inProber("nft", "add rule inet p out ip daddr 10.203.0.4 udp dport 5-53 drop");
    const rows = await roundOf(["Names: dns://10.203.0.4/shop.test x", udp("Udp", "10.203.0.4:5")]);
    net.inProber("nft", "flush", "chain", "inet", "p", "out");
    assert.deepEqual(verdicts(rows), { Names: "unknown not_permitted", Udp: "unknown not_permitted" });
  });

  const holes = (count: number) => times(count, (index) => `P${index}: 10.203.0.2:81:x`);
  const silentNames = (count: number) => times(count, (index) => `D${index}: dns://10.203.0.9/x.test x`);

  test("without local ports nobody is judged, whatever the kind", async () => {
    net.inProber("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=40000 40001");
    const rows = await roundOf([
      ...holes(10),
      ...silentNames(10),
      ...times(10, (index) => udp(`U${index}`, "10.203.0.9:53")),
    ]);
    net.inProber("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999");
    for (const kind of ["tcp", "dns", "udp"]) {
      const found = rows.filter((row) => row.kind === kind);
      const without = found.filter(({ outcome, cause }) => outcome === "unknown" && cause === "no_ports");
      // Two ports for TCP, and two for UDP: who had one waited for an answer in vain.
      assert.ok(without.length >= found.length - 2, JSON.stringify(verdicts(found)));
      assert.ok(found.every((row) => without.includes(row) || row.cause === "timeout"));
    }
  });

  test("without descriptors nobody is judged, and no name is called unknown", async () => {
    const names = times(10, (index) => `N${index}: good.test:81:x`);
    const rows = await roundOf([...holes(40), ...silentNames(40), ...names], {
      wrap: ["prlimit", "--nofile=50"],
    });
    for (const kind of ["tcp", "dns"])
      assert.ok(
        rows.some((row) => row.kind === kind && row.cause === "no_descriptors"),
        JSON.stringify(verdicts(rows)),
      );
    assert.ok(
      rows.every(({ outcome, cause }) => outcome === "unknown" || cause === "timeout"),
      JSON.stringify(verdicts(rows)),
    );
  });

  test("what the kernel has no buffers for was never asked", async () => {
    // 65,000 bytes in fragments of 48: more buffers than one socket may have.
    net.inProber(
      "ip",
      "link",
      "add",
      "thin",
      "mtu",
      "68",
      "type",
      "veth",
      "peer",
      "name",
      "end",
      "mtu",
      "68",
    );
    for (const link of ["thin", "end"]) net.inProber("ip", "link", "set", link, "up");
    net.inProber("ip", "addr", "add", "198.51.102.1/24", "dev", "thin");
    const rows = await roundOf([udp("Big", "198.51.102.2:9", "x".repeat(65_000))]);
    assert.deepEqual(verdicts(rows), { Big: "unknown no_memory" });
    assert.equal(rows[0].step, "send");
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
    const events = () => lines(child.stdout()).filter((event) => event.tags);
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
    assert.equal(isolated.cuir.cause, "isolated");
    assert.ok(isolated.cuir.held >= 2, isolated.cuir.summary);
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
        `add rule inet t in tcp dport 81 drop; add rule inet t in ip6 daddr fd00:203::3 drop;
         add rule inet t in ip daddr 10.203.0.7 udp dport 53 drop`,
      );
      // This resolver knows that there is no such name in .test; of .example it waits for another, in vain.
      const resolver = ["--local=/test/", "--server=/example/10.203.0.7", "--listen-address=10.203.0.8"];
      const quiet = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null"];
      children.push(
        net.start("targets", "/usr/sbin/dnsmasq", [
          ...quiet,
          ...resolver,
          "--bind-interfaces",
          "--user=root",
          "--pid-file=",
        ]),
        net.start("targets", process.execPath, [
          "-e",
          `require("node:http").createServer((request, response) => {
             if (request.url === "/slow") setTimeout(() => response.end("at last"), 700);
           }).listen(86, "10.203.0.2")`,
        ]),
      );
      net.useResolver("10.203.0.8");
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
      const web = `tls_ca = ${authority.cert}`;
      const set: Record<string, { ours: string; module: string; theirs: string; own?: string }> = {
        open: { ours: "10.203.0.2:80:x", module: "tcp", theirs: "10.203.0.2:80" },
        closed: { ours: "10.203.0.2:85:x", module: "tcp", theirs: "10.203.0.2:85" },
        filtered: { ours: "10.203.0.2:81:x", module: "tcp", theirs: "10.203.0.2:81" },
        "no route from here": { ours: "192.0.2.1:80:x", module: "tcp", theirs: "192.0.2.1:80" },
        "no such name": { ours: "gone.test:80:x", module: "tcp", theirs: "gone.test:80" },
        "resolver away": { ours: "nowhere.example:80:x", module: "tcp", theirs: "nowhere.example:80" },
        "IPv6 broken, IPv4 well": { ours: "v6.test:80:x", module: "tcp", theirs: "v6.test:80" },
        slow: { ...both("http://10.203.0.2:86/slow"), own: "slow = 300ms" },
        "takes connections, never answers": both("http://10.203.0.2:86/never"),
        "good certificate": { ...both("https://good.test:8443/"), own: web },
        "expired certificate": { ...both("https://good.test:8444/"), own: web },
        "certificate for another name": { ...both("https://other.test:8443/"), own: web },
      };
      const names = Object.keys(set);
      const ini = join(folder.path, "set.ini");
      const sections = names.map(
        (name) => `[Cuir:${name}]\ntarget = ${set[name]!.ours} x\n${set[name]!.own ?? ""}\n`,
      );
      writeFileSync(ini, `[Cuir]\ntimeout = 2s\n${sections.join("")}`);
      const child = cuir([], ["--once", "--config", ini], { ...environment({}), CUIR_PROBES: "" });
      children.push(child);
      await eventually(() => child.hasEnded());
      const ours = Object.fromEntries(lines(child.stdout()).map((line) => [line.program, line]));
      const script = `const all = JSON.parse(process.argv[1]); const out = {};
      for (const [name, { module, theirs: target }] of Object.entries(all)) {
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
      const theirs = lines(asked.stdout())[0];
      const table = names.map((name) => [
        name,
        theirs[name],
        [ours[name].outcome, ours[name].cause].filter(Boolean).join(": "),
      ]);
      console.log(["target | blackbox_exporter | Cuir", ...table.map((row) => row.join(" | "))].join("\n"));
      assert.deepEqual(table, tableOf("Beside blackbox_exporter"), "as docs/CUIR.md has it");
    },
  );
});
