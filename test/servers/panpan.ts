// PanPan as users have it: a program on the PATH, in an environment of its own, from source.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { judgePlace } from "../../src/spool/place.ts";
import { temporaryFolder } from "./server.ts";

const root = join(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | number>>;
  readonly input?: string | Uint8Array;
  readonly stdio?: SpawnOptions["stdio"];
  readonly cwd?: string;
}

export interface PanpanHome extends AsyncDisposable {
  /** A folder of its own; `panpan` lies in its bin, the spool (made when needed) in its spool. */
  readonly folder: string;
  readonly spool: string;
  /** What each run gets: PATH, the spool, and nothing else of the test's environment. */
  readonly env: Readonly<Record<string, string>>;
  start(command: string, args?: readonly string[], options?: RunOptions): Started;
  /** Runs panpan to its end. */
  panpan(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Runs a line of sh, in which `panpan` is a command. */
  sh(line: string, options?: RunOptions): Promise<Ended>;
}

export interface Started {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  kill(signal: NodeJS.Signals): void;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Ended>;
}

/** Why events cannot be spooled where this machine keeps temporary files; false where they can. */
export async function whyNoDisk(): Promise<string | false> {
  await using folder = await temporaryFolder("moustash-panpan-");
  const place = judgePlace(folder.path);
  return place.is === "disk" ? false : `no disk to spool on: ${place.why}`;
}

export async function openPanpan(
  values: Readonly<Record<string, string | number>> = {},
): Promise<PanpanHome> {
  const folder = await temporaryFolder("moustash-panpan-");
  const bin = join(folder.path, "panpan");
  const spool = join(folder.path, "spool");
  await writeFile(
    bin,
    `#!/bin/sh\nexec ${process.execPath} --disable-warning=ExperimentalWarning ${root}/src/main.ts panpan "$@"\n`,
  );
  await chmod(bin, 0o755);
  const env = {
    PATH: `${folder.path}:/usr/local/bin:/usr/bin:/bin`,
    MOUSTASH_CONFIG: "none",
    MOUSTASH_SPOOL: spool,
    MOUSTASH_HOST: "web-1",
    ...texts(values),
  };

  const living = new Set<ChildProcess>();
  function start(command: string, args: readonly string[] = [], options: RunOptions = {}): Started {
    const { input, stdio = "pipe", cwd = folder.path } = options;
    const child = spawn(command, args, { env: { ...env, ...texts(options.env ?? {}) }, stdio, cwd });
    living.add(child);
    child.once("exit", () => living.delete(child));
    const seen = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (seen.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (seen.stderr += text));
    child.stdin?.on("error", () => {});
    if (input !== undefined) child.stdin?.end(input);
    const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal, ...seen }));
    return {
      pid: child.pid!,
      stdin: child.stdin!,
      kill: (signal) => void child.kill(signal),
      stdout: () => seen.stdout,
      stderr: () => seen.stderr,
      ended,
    };
  }

  const toEnd = (command: string, args: readonly string[], options: RunOptions = {}) =>
    start(command, args, {
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...options,
    }).ended;
  return {
    folder: folder.path,
    spool,
    env,
    start,
    panpan: (args, options) => toEnd(bin, args, options),
    sh: (line, options) => toEnd("/bin/sh", ["-c", line], options),
    async [Symbol.asyncDispose]() {
      for (const child of living) child.kill("SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
}

const texts = (values: Readonly<Record<string, string | number>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

export interface Event extends Record<string, unknown> {
  readonly message: string;
  readonly program: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly panpan: Readonly<Record<string, unknown>>;
  readonly moustash: {
    readonly id: string;
    readonly run: string;
    readonly seq: number;
    readonly notify: boolean;
  };
}

export async function eventsIn(redis: { list(key: string): Promise<string[]> }): Promise<Event[]> {
  return (await redis.list("logstash:moustash")).map((body) => JSON.parse(body) as Event);
}
