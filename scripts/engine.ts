// Finds a Docker engine with its compose and buildx plugins; installs and starts one where there is none and we may.
//
// We may: as root, on a Debian family machine that has no engine, without a terminal or after a yes on it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout as delay } from "node:timers/promises";
import { output, retried, run, runQuietly, say, ScriptError, succeeds } from "./command.ts";

const engineLog = join(tmpdir(), "moustash-dockerd.log");

/** Returns once `docker`, `docker compose` and `docker buildx` work; says each long step; throws what to do instead. */
export async function ensureEngine(): Promise<void> {
  if (!(await engineAnswers())) {
    if (process.env.DOCKER_HOST)
      throw new ScriptError(
        `no Docker engine answers at DOCKER_HOST=${process.env.DOCKER_HOST}: start it, or unset DOCKER_HOST`,
      );
    if (process.getuid?.() !== 0)
      throw new ScriptError(
        "no Docker engine answers: start Docker, or join its group (only root may have it installed from here)",
      );
    if (!(await succeeds("which", ["dockerd"]))) await install();
    await start();
  }
  await ensurePlugins();
}

export const engineAnswers = () => succeeds("docker", ["version"], { timeoutMs: 10_000 });

async function install(): Promise<void> {
  if (!(await succeeds("which", ["apt-get"])))
    throw new ScriptError(
      "no Docker engine on this machine, and no apt-get to install one: install Docker first",
    );
  await confirm("No Docker engine on this machine. Install Debian's docker.io?");
  await aptInstall("docker.io");
  // Debian 13 and later pack the command line by itself.
  if (!(await succeeds("which", ["docker"]))) await aptInstall("docker-cli");
}

let listsRead: Promise<void> | undefined;

/** Installs packages, retried because mirrors hiccup; waits for another apt-get's lock. */
export async function aptInstall(...packages: string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const names = packages.join(", ");
  const apt = (...args: string[]) => ["-o", "DPkg::Lock::Timeout=120", "-q", ...args];
  listsRead ??= retried(() => runQuietly("Reading the package lists", "apt-get", apt("update"), { env }));
  await listsRead;
  const install = apt("install", "--yes", "--no-install-recommends", ...packages);
  await retried(async () => {
    // An installation that was killed half-way refuses all further ones until this is done.
    await run("dpkg", ["--configure", "-a"], { env });
    await runQuietly(`Installing ${names}`, "apt-get", install, { env });
  });
}

async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) return;
  using terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D closes the terminal and Ctrl-C rejects: both are a no.
  const closed = once(terminal, "close").then(() => "no");
  const asked = terminal.question(`${question} [y/N] `).catch(() => "no");
  const answer = await Promise.race([asked, closed]);
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new ScriptError("nothing was installed: install or start Docker, then try again");
}

async function start(): Promise<void> {
  say("Starting the Docker engine …");
  if (existsSync("/run/systemd/system")) {
    await run("systemctl", ["start", "docker"]);
    return;
  }
  await removeStalePid("/var/run/docker.pid", "dockerd");
  await removeStalePid("/var/run/docker/containerd/containerd.pid", "containerd");
  await using log = await open(engineLog, "w");
  // A session of its own: the engine outlives this script and its terminal.
  const engine = spawn("dockerd", [], { detached: true, stdio: ["ignore", log.fd, log.fd] });
  engine.unref();
  for (const deadlineMs = Date.now() + 120_000; Date.now() < deadlineMs; await delay(250)) {
    if (await engineAnswers()) return;
    if (engine.exitCode !== null) break;
  }
  const tail = (await readFile(engineLog, "utf8")).trim().split("\n").slice(-5).join("\n");
  throw new ScriptError(`the Docker engine did not start (its log: ${engineLog}):\n${tail}`);
}

/** A killed engine leaves its pid files, and dockerd then refuses to start although nobody lives. */
async function removeStalePid(file: string, program: string): Promise<void> {
  const pid = await readFile(file, "utf8").catch(() => undefined);
  if (pid === undefined) return;
  const living = await readFile(`/proc/${pid.trim()}/comm`, "utf8").catch(() => "");
  if (living.trim() !== program) await rm(file);
}

/** Debian's packages that hold the CLI plugins, by plugin. */
const plugins = { compose: "docker-compose", buildx: "docker-buildx" };

async function ensurePlugins(): Promise<void> {
  const missing: string[] = [];
  for (const [plugin, name] of Object.entries(plugins))
    if (!(await succeeds("docker", [plugin, "version"]))) missing.push(name);
  if (missing.length === 0) return;
  const system = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID=debian$/m.test(system))
    throw new ScriptError("`docker compose` or `docker buildx` is missing: install Docker's plugins");
  await unpackPlugins(missing);
}

/** Older Debians have no such plugins; those of Debian 13 run there too, and unpacking them touches no package state. */
async function unpackPlugins(packages: string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "moustash-plugins-"));
  try {
    await mkdir(join(folder, "lists", "partial"), { recursive: true });
    const sources = join(folder, "trixie.list");
    await writeFile(sources, `deb ${await debianMirror()} trixie main\n`);
    const settings = {
      "Dir::Etc::SourceList": sources,
      "Dir::Etc::SourceParts": "/dev/null",
      "Dir::State::Lists": join(folder, "lists"),
      "Dir::Cache": folder,
      "APT::Sandbox::User": "root",
    };
    const apt = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    const what = `Fetching ${packages.join(", ")} of Debian 13 for the CLI's plugin folder`;
    await retried(() => runQuietly("Reading Debian 13's package lists", "apt-get", [...apt, "update"]));
    await retried(() => runQuietly(what, "apt-get", [...apt, "download", ...packages], { cwd: folder }));
    for (const file of await readdir(folder))
      if (file.endsWith(".deb")) await run("dpkg", ["-x", file, "root"], { cwd: folder });
    const target = join(process.env.DOCKER_CONFIG || join(homedir(), ".docker"), "cli-plugins");
    await mkdir(target, { recursive: true });
    for (const name of packages) {
      const plugin = join(folder, "root/usr/libexec/docker/cli-plugins", name);
      await run("install", ["-m", "755", plugin, target]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The Debian mirror that this machine's own apt uses. */
export async function debianMirror(): Promise<string> {
  const format = "$(ORIGIN) $(CODENAME) $(REPO_URI)";
  const targets = await output("apt-get", ["indextargets", "--format", format]).catch(() => "");
  const debian = targets.split("\n").find((line) => /^Debian [a-z]+ /.test(line));
  if (debian === undefined)
    throw new ScriptError(
      "apt knows no Debian mirror on this machine: install Docker's compose and buildx plugins",
    );
  return debian.split(" ")[2]!;
}
