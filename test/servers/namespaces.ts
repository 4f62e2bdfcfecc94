// Two network namespaces of the test's own: one to probe from, one with the targets; firewall rules there make black holes.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type Child, startChild } from "./server.ts";

export interface Namespaces extends AsyncDisposable {
  readonly prober: string;
  readonly targets: string;
  /** 10.203.0.N and fd00:203::N are addresses of the targets' side, N from 2 to 9. */
  address(n: number): string;
  /** For what is started from now on. */
  useResolver(address: string): void;
  inProber(command: string, ...args: readonly string[]): string;
  inTargets(command: string, ...args: readonly string[]): string;
  start(
    where: "prober" | "targets",
    command: string,
    args: readonly string[],
    env?: NodeJS.ProcessEnv,
  ): Child;
}

/** Why they cannot be had; false where they can. */
export function whyNoNamespaces(): string | false {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const name = `mo-try-${randomBytes(4).toString("hex")}`;
  try {
    execFileSync("ip", ["netns", "add", name], { stdio: "pipe" });
    execFileSync("ip", ["netns", "exec", name, "nft", "list", "ruleset"], { stdio: "pipe" });
    return false;
  } catch (error) {
    return `network namespaces or nftables are not to be had here: ${String(error).split("\n")[0]}`;
  } finally {
    try {
      execFileSync("ip", ["netns", "delete", name], { stdio: "pipe" });
    } catch {
      // There was none.
    }
  }
}

export function openNamespaces({ hosts, resolver }: { hosts: string; resolver: string }): Namespaces {
  // A killed run leaves its own, and ids of processes come again.
  const id = randomBytes(4).toString("hex");
  const [prober, targets] = [`mo-p-${id}`, `mo-t-${id}`];
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" }).toString();
  const run = (namespace: string, command: string, args: readonly string[]) =>
    execFileSync("ip", ["netns", "exec", namespace, command, ...args], { stdio: "pipe" }).toString();
  // `ip netns exec` lays it over /etc, as it does the hosts.
  const useResolver = (address: string) =>
    writeFileSync(
      `/etc/netns/${prober}/resolv.conf`,
      `nameserver ${address}\noptions timeout:1 attempts:1\n`,
    );

  function close() {
    for (const name of [prober, targets]) spawnSync("ip", ["netns", "delete", name], { stdio: "ignore" });
    rmSync(`/etc/netns/${prober}`, { recursive: true, force: true });
  }
  try {
    prepare();
  } catch (error) {
    close();
    throw error;
  }
  return {
    prober,
    targets,
    address: (n) => `10.203.0.${n}`,
    useResolver,
    inProber: (command, ...args) => run(prober, command, args),
    inTargets: (command, ...args) => run(targets, command, args),
    start: (where, command, args, env) =>
      startChild(
        "ip",
        ["netns", "exec", where === "prober" ? prober : targets, command, ...args],
        env ? { env } : {},
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(close()),
  };

  function prepare() {
    mkdirSync(`/etc/netns/${prober}`, { recursive: true });
    writeFileSync(`/etc/netns/${prober}/hosts`, `127.0.0.1 localhost\n${hosts}\n`);
    useResolver(resolver);
    for (const name of [prober, targets]) ip("netns", "add", name);
    ip("-n", prober, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", targets);
    for (const name of [prober, targets]) {
      run(name, "sysctl", ["-q", "-w", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.wire.accept_dad=0"]);
      for (const link of ["lo", "wire"]) ip("-n", name, "link", "set", link, "up");
    }
    ip("-n", prober, "addr", "add", "10.203.0.1/24", "dev", "wire");
    ip("-n", prober, "addr", "add", "fd00:203::1/64", "dev", "wire", "nodad");
    for (let n = 2; n < 10; n += 1) {
      ip("-n", targets, "addr", "add", `10.203.0.${n}/24`, "dev", "wire");
      ip("-n", targets, "addr", "add", `fd00:203::${n}/64`, "dev", "wire", "nodad");
    }
    run(targets, "nft", ["add table inet t; add chain inet t in { type filter hook input priority 0; }"]);
    run(prober, "nft", ["add table inet p; add chain inet p out { type filter hook output priority 0; }"]);
  }
}
