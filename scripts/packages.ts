// The Debian packages whose servers and tools the tests use, and how they come onto the machine.
import { readFile, rm, writeFile } from "node:fs/promises";
import { aptInstall } from "./engine.ts";
import { output, say, succeeds } from "./command.ts";

/** Package to what the tests do with it. */
export const debianPackages: Readonly<Record<string, string>> = {
  "redis-server": "the broker, alone, with Sentinel and as a Cluster",
  "rabbitmq-server": "the other broker, alone, over TLS and as a cluster",
  supervisor: "what Fouet listens to",
  python3: "a terminal of the tests' own",
  "nginx-light": "what Cuir probes by HTTP and TLS",
  "openssh-server": "what Cuir probes by its banner",
  "exim4-daemon-light": "what Cuir probes by SMTP and STARTTLS",
  "dovecot-imapd": "what Cuir probes by IMAP and STARTTLS",
  "dnsmasq-base": "what Cuir probes by DNS, and a resolver for its names",
  postgresql: "what Cuir probes by SSLRequest",
  nftables: "black holes for Cuir's probes, in network namespaces of the tests' own",
  iproute2: "those namespaces",
  openssl: "certificates that are good, expired, and for another name",
  "prometheus-blackbox-exporter": "the peer beside which Cuir's verdicts and costs are shown",
  chromium: "the browser that opens Cuir's page",
  "fonts-dejavu-core": "a face for it to write with",
  ruby: "runs the Ruby of Logstash's pipelines",
  prometheus: "promtool, which checks metrics and rules",
  faketime: "a clock that is set back",
  e2fsprogs: "small file systems that are full, read-only or lose their power",
  strace: "a disk whose fsync fails",
  socat: "the relay of one line between supervisord and Fouet's socket",
};

/** Installs what is missing; says what is left out, and why, where it may not. */
export async function ensurePackages(names: readonly string[] = Object.keys(debianPackages)): Promise<void> {
  if (!(await succeeds("which", ["dpkg-query"])))
    return say("No apt on this machine: what needs servers that are missing will be skipped or fail");
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    return say(
      `Not root: what needs ${missing.join(", ")} will be skipped (apt-get install them to run these)`,
    );
  }
  await withoutServices(() => aptInstall(...missing));
}

/** Of these packages those that are not installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  const installed = await output("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\\n"]);
  const present = new Set(
    installed
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !present.has(name));
}

const policy = "/usr/sbin/policy-rc.d";
const ourPolicy = "#!/bin/sh\n# moustash: no services while its tests' packages are installed\nexit 101\n";

/** Debian starts a server when it is installed; the tests start their own, on ports of their own. */
async function withoutServices(install: () => Promise<void>): Promise<void> {
  const before = await readFile(policy, "utf8").catch(() => undefined);
  // Our own is what a killed run left.
  if (before !== undefined && before !== ourPolicy) return install();
  await writeFile(policy, ourPolicy, { mode: 0o755 });
  try {
    await install();
  } finally {
    await rm(policy, { force: true });
  }
}
