// A real supervisord with a configuration of its own in a temporary folder, and a witness inside it.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectWeb } from "../../src/supervisor/web.ts";
import type { XmlValue } from "../../src/supervisor/xmlrpc.ts";
import { type Child, awaitStart, eventually, startChild, temporaryFolder } from "./server.ts";

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
}

export interface Supervisord extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly configuration: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Rewrites the configuration; a reload (HUP) or restart reads it. */
  configure(sections: string): void;
  call(method: string, ...params: readonly XmlValue[]): Promise<XmlValue>;
  /** Starts, stops or restarts a process and waits for it. */
  begin(name: string): Promise<void>;
  halt(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /** Of the process of this name, once it runs. */
  processId(name: string): Promise<number>;
  /** Sends it to the process of this name, once that runs; resolves with its id. */
  killProcess(name: string, signal: NodeJS.Signals): Promise<number>;
  witnessed(): Witnessed[];
  log(): string;
  /** Ends it, by SIGTERM unless told, and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** A new life with the same configuration. */
  start(): Promise<void>;
}

export async function startSupervisord({
  sections,
  settings = "",
  http = "",
  environment = {},
}: SupervisordOptions): Promise<Supervisord> {
  const temporary = await temporaryFolder("moustash-supervisord-");
  const folder = temporary.path;
  const configuration = join(folder, "supervisord.conf");
  const socket = join(folder, "supervisor.sock");
  const witness = join(folder, "witness.ndjson");
  const log = join(folder, "supervisord.log");
  const url = `unix://${socket}`;
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const web = connectWeb({ url, timeoutMs: 20_000 });
  let child: Child | undefined;

  function configure(sections: string) {
    writeFileSync(
      configuration,
      `[supervisord]
nodaemon=true
${settings.includes("logfile=") ? "" : `logfile=${log}`}
pidfile=${folder}/supervisord.pid
childlogdir=${folder}
${settings}
[unix_http_server]
file=${socket}
${http}
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
    const started = startChild("supervisord", ["-c", configuration], {
      cwd: folder,
      env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1", ...environment },
    });
    child = started;
    const answers = () => read(witness).slice(before).includes("WITNESS_READY");
    await awaitStart(started, answers, { what: "supervisord's witness" });
  }

  configure(sections);
  await start();
  const call = (method: string, ...params: readonly XmlValue[]) =>
    web.call(`supervisor.${method}`, ...params);
  const begin = async (name: string) => void (await call("startProcess", name, true));
  const halt = async (name: string) => void (await call("stopProcess", name, true));
  const processId = (name: string) =>
    eventually(
      // 0 where it does not run just now, which kill(2) would take for our own process group.
      async () => ((await call("getProcessInfo", name)) as { pid: number }).pid,
      { what: `a running ${name}` },
    );
  return {
    folder,
    url,
    configuration,
    get pid() {
      return child!.process.pid!;
    },
    signal: (name) => void child!.process.kill(name),
    configure,
    call,
    begin,
    halt,
    async restart(name) {
      await halt(name);
      await begin(name);
    },
    processId,
    killProcess: (name, signal) =>
      eventually(
        async () => {
          const pid = await processId(name);
          process.kill(pid, signal);
          return pid;
        },
        { what: `a ${name} that takes ${signal}` },
      ),
    witnessed: () =>
      read(witness)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Witnessed)
        .filter(({ name }) => name !== "WITNESS_READY"),
    log: () => read(log),
    stop: async (signal = "SIGTERM") => child?.end(signal),
    start,
    async [Symbol.asyncDispose]() {
      await child?.end("SIGTERM");
      await temporary[Symbol.asyncDispose]();
    },
  };
}
