// Starts a real server for a test: a free port, a folder of its own, an end that is certain.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Ports that nobody listens at just now, all different, below the range that the kernel gives away.
 * With `beside`, the port that lies so far above is free too.
 */
export async function freePorts(count: number, { beside = 0 } = {}): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 10_000 + Math.floor(Math.random() * (20_000 - beside));
    if (!ports.includes(port) && (await isFree(port)) && (beside === 0 || (await isFree(port + beside))))
      ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!;
}

/** For `skip`: why a test cannot run, where its server is not on this machine. */
export function unlessInstalled(program: string, debianPackage: string): string | false {
  const found = spawnSync("which", [program]).status === 0;
  return found ? false : `no ${program} here (apt-get install ${debianPackage})`;
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(prefix = "moustash-"): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Resolves when the condition gives something true; a condition that throws is not true yet. */
export async function eventually<T>(
  condition: () => Promise<T> | T,
  { withinMs = 60_000, what = "the condition" } = {},
): Promise<NonNullable<T>> {
  const endsAtMs = performance.now() + withinMs;
  let last: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await delay(20);
  } while (performance.now() < endsAtMs);
  throw new Error(`${what} did not become true within ${withinMs} ms`, { cause: last });
}

/** The eldest child of a process, once it has one. Source: proc_pid_task(5), children. */
export function childOf(pid: number): Promise<number> {
  const ids = () => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return eventually(() => Number.parseInt(ids(), 10), { what: `a child of process ${pid}` });
}

/** A child whose output is kept for messages of failure. */
export interface Child {
  readonly process: ChildProcess;
  /** The end of what it printed: 20,000 characters. */
  output(): string;
  /** All that it printed on standard output. */
  stdout(): string;
  hasEnded(): boolean;
  /** To the child, with its whole group where it has one. */
  signal(signal: NodeJS.Signals): void;
  /** SIGSTOP; returns when none of its threads runs any more, or throws. */
  halt(): void;
  /** SIGKILL unless told; resolves when it has ended. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

const living = new Set<(signal: NodeJS.Signals) => void>();
let isGuarded = false;

/** Where a test times out, or we are told to end, nobody disposes of anything: no child is to outlive us. */
function guardChildren() {
  if (isGuarded) return;
  isGuarded = true;
  process.on("exit", () => {
    for (const signal of living) signal("SIGKILL");
  });
  for (const [name, code] of [
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    process.once(name, () => process.exit(code));
}

export function startChild(
  command: string,
  args: readonly string[],
  { group = false, ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; group?: boolean } = {},
): Child {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: group, ...options });
  let output = "";
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (output = (output + String(chunk)).slice(-20_000)));
  child.on("error", (error) => (output += error.message));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  function signal(name: NodeJS.Signals) {
    if (hasEnded()) return;
    if (group) process.kill(-child.pid!, name);
    else child.kill(name);
  }
  guardChildren();
  living.add(signal);
  child.on("exit", () => living.delete(signal));
  child.on("error", () => living.delete(signal));
  return {
    process: child,
    output: () => output,
    stdout: () => stdout,
    hasEnded,
    signal,
    halt() {
      if (hasEnded()) return;
      signal("SIGSTOP");
      awaitHalt(child.pid!, group);
    },
    async end(name = "SIGKILL") {
      if (hasEnded()) return;
      const ended = once(child, "exit");
      signal(name);
      if (name !== "SIGKILL") signal("SIGCONT");
      await ended;
      // Grandchildren may hold them open.
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

/** Resolves when the server answers; ends it, and rejects, where it ends itself or does not answer in time. */
export async function awaitStart(
  server: Child,
  answers: () => Promise<boolean> | boolean,
  { what, withinMs }: { readonly what: string; readonly withinMs?: number },
): Promise<void> {
  try {
    await eventually(async () => server.hasEnded() || (await answers()), {
      what,
      ...(withinMs === undefined ? undefined : { withinMs }),
    });
    if (server.hasEnded()) throw new Error(`${what} ended`);
  } catch (error) {
    await server.end();
    throw new Error(server.output(), { cause: error });
  }
}

/** The signal is sent at once, and a busy thread still runs on for a moment: long enough to answer. */
function awaitHalt(pid: number, group: boolean) {
  const isOurs = (process: string) => Number(process) === pid || (group && statOf(process)?.group === pid);
  const runs = (process: string) =>
    list(`/proc/${process}/task`).some(
      (task) => !/[TtZX]/.test(statOf(`${process}/task/${task}`)?.state ?? "X"),
    );
  const endsAtMs = performance.now() + 10_000;
  while (list("/proc").some((name) => /^\d+$/.test(name) && isOurs(name) && runs(name))) {
    if (performance.now() > endsAtMs) throw new Error(`process ${pid} does not stop`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** Undefined of what is gone. Source: proc(5), /proc/PID/stat fields 3 and 5. */
function statOf(process: string): { readonly state: string; readonly group: number } | undefined {
  try {
    const text = readFileSync(`/proc/${process}/stat`, "utf8");
    const [state = "", , group] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
