// The peers: Debian's packages, and the small programs in bench/peers, compiled when they are first asked for.
import { join } from "node:path";
import { output, ScriptError } from "../scripts/command.ts";

/** Package to what it is measured for. */
export const peerPackages: Readonly<Record<string, string>> = {
  "redis-server": "the broker of every benchmark",
  "redis-tools": "redis-benchmark and redis-cli",
  supervisor: "hands its events to the listeners",
  "prometheus-blackbox-exporter": "Cuir's peer",
  rsyslog: "PanPan's peer for lines",
  "rsyslog-hiredis": "its way to Redis",
  sqlite3: "the spool's peer",
  python3: "runs the original's kind of program",
  "python3-redis": "what such a program talks to Redis with",
  gcc: "compiles bench/peers",
  "libc6-dev": "the C library for them",
  "libhiredis-dev": "what the listener in C talks to Redis with",
};

/** Debian's own: another Python on the PATH has no redis. */
export const python = "/usr/bin/python3";

export const peer = (name: string) => join(import.meta.dirname, "peers", name);

const libraries: Readonly<Record<string, readonly string[]>> = { listener: ["-lhiredis"] };
const compiled = new Map<string, Promise<string>>();

/** The path of bench/peers/NAME.c as a program in the folder. */
export function compile(name: string, folder: string): Promise<string> {
  const key = join(folder, name);
  if (!compiled.has(key)) compiled.set(key, build(name, key));
  return compiled.get(key)!;
}

async function build(name: string, path: string): Promise<string> {
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra"];
  try {
    await output("gcc", [...flags, peer(`${name}.c`), "-o", path, ...(libraries[name] ?? [])]);
  } catch (error) {
    throw new ScriptError(
      `bench/peers/${name}.c does not compile (packages: gcc libc6-dev libhiredis-dev)\n${(error as Error).message}`,
    );
  }
  return path;
}
