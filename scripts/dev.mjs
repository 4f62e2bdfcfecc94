// Runs one of the project's scripts on the project's own Node, installing the dependencies first where they are
// missing or stale. The only script that must work on any Node from 20 on; everything behind it is TypeScript.
//   node scripts/dev.mjs FILE [argument…]
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".moustash-lock");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

function installed() {
  try {
    return readFileSync(stamp, "utf8") === wanted;
  } catch {
    return false;
  }
}

/** Node's own binary needs this library, and a machine whose packages need no C++ may lack it. */
function provideLibatomic() {
  const known = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  if (known.status !== 0 || known.stdout.includes("libatomic.so.1")) return;
  const byApt = process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0;
  if (!byApt)
    return console.error("Node 26 needs the library libatomic: install libatomic1 (dnf: libatomic)");
  console.error("Installing libatomic1, which Node 26 needs …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const words of [["update"], ["install", "--yes", "--no-install-recommends", "libatomic1"]])
    spawnSync("apt-get", ["-qq", "-o", "Dpkg::Use-Pty=0", ...words], { stdio: ["ignore", 2, 2], env });
}

if (!installed()) {
  provideLibatomic();
  console.error("Installing the dependencies (npm ci) …");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) {
    console.error("npm ci failed: see the lines above");
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, wanted);
}

const [file, ...args] = process.argv.slice(2);
const bin = join(root, "node_modules", ".bin");
const child = spawn(join(bin, "node"), ["--disable-warning=ExperimentalWarning", join(root, file), ...args], {
  stdio: "inherit",
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
