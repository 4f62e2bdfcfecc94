// A real supervisord with a configuration of its own in a temporary folder, and a witness inside it.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { poll } from "./poll.ts";

/** What the witness saw: every event, before any buffer. */
export interface Witnessed {
  readonly name: string;
  readonly payload?: string;
  readonly serial?: number | null;
  readonly pools?: Readonly<Record<string, number>>;
  readonly at: number;
}

export interface SupervisordOptions {
  /** Sections of programs and listeners; `%DIR%` is the folder. */
  readonly sections: string;
  /** Lines for [supervisord]. */
  readonly settings?: string;
  /** Lines for [unix_http_server]. */
  readonly http?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

export interface Supervisord extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly configuration: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Rewrites the configuration; a reload (HUP) or restart reads it. */
  configure(sections: string): void;
  ctl(...words: string[]): Promise<string>;
  witnessed(): Witnessed[];
  log(): string;
  /** Ends it, by SIGTERM unless told, and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** A new life with the same configuration. */
  start(): Promise<void>;
  readonly running: boolean;
}

export async function startSupervisord({
  sections,
  settings = "",
  http = "",
  environment = {},
  folder = mkdtempSync(join(tmpdir(), "moustash-supervisord-")),
}: SupervisordOptions): Promise<Supervisord> {
  const configuration = join(folder, "supervisord.conf");
  const socket = join(folder, "supervisor.sock");
  const witness = join(folder, "witness.ndjson");
  const log = join(folder, "supervisord.log");
  const url = `unix://${socket}`;
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
  let child: ChildProcess | undefined;

  function configure(sections: string) {
    writeFileSync(
      configuration,
      `[supervisord]
nodaemon=true
logfile=${log}
pidfile=${folder}/supervisord.pid
childlogdir=${folder}
${settings}
[unix_http_server]
file=${socket}
${http}
[supervisorctl]
serverurl=${url}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:witness]
supervisor.rpcinterface_factory = witness:make
file = ${witness}
${sections.replaceAll("%DIR%", folder)}
`,
    );
  }

  async function start() {
    const before = read(witness).length;
    const path = import.meta.dirname;
    const started = spawn("supervisord", ["-c", configuration], {
      cwd: folder,
      env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1", ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    let complaint = "";
    started.stderr?.on("data", (chunk) => (complaint += String(chunk)));
    await poll(
      () => {
        if (started.exitCode !== null) throw new Error(`supervisord ended: ${complaint}${read(log)}`);
        return read(witness).slice(before).includes("WITNESS_READY");
      },
      { what: "supervisord to start" },
    );
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM") {
    const stopping = child;
    if (!stopping || stopping.exitCode !== null || stopping.signalCode !== null) return;
    const closed = new Promise((resolve) => stopping.once("exit", resolve));
    stopping.kill(signal);
    await closed;
  }

  configure(sections);
  await start();
  return {
    folder,
    url,
    configuration,
    get pid() {
      return child!.pid!;
    },
    get running() {
      return child!.exitCode === null && child!.signalCode === null;
    },
    signal: (name) => void child!.kill(name),
    configure,
    ctl: (...words) =>
      new Promise((resolve) => {
        execFile("supervisorctl", ["-c", configuration, ...words], (_, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      }),
    witnessed: () =>
      read(witness)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Witnessed)
        .filter(({ name }) => name !== "WITNESS_READY"),
    log: () => read(log),
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
