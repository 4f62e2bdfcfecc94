// A program under measurement for as long as it is wanted: its private memory, and what keeps it at work.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bench, must } from "./benchmark.ts";
import { privateMegabytes } from "./measure.ts";

export interface Daemon extends AsyncDisposable {
  megabytes(): number;
}

type Words = readonly [string, ...string[]];
type Environment = Readonly<Record<string, string>>;

/** `of`: the process to look at, where the words start another. */
export function startDaemon(
  [command, ...args]: Words,
  env: Environment,
  of: (child: ChildProcess) => number = ({ pid }) => pid!,
): Daemon {
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"], env });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    megabytes() {
      must(!hasEnded(), `${command} ${args.join(" ")} still runs`);
      return privateMegabytes(of(child));
    },
    async [Symbol.asyncDispose]() {
      if (hasEnded()) return;
      const over = once(child, "exit");
      child.kill("SIGKILL");
      await over;
    },
  };
}

/** The only child that a process has. */
export function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1"));
}

/** Cuir's configuration, with a spool of its own. */
export async function writeConfig(
  { moustash }: Bench,
  name: string,
  redisPort: number,
  lines: readonly string[],
): Promise<string> {
  const file = join(moustash.folder, `${name}.ini`);
  const head = ["[Moustash]", "redis_ip: 127.0.0.1", `redis_port: ${redisPort}`];
  const spool = `spool: ${join(moustash.folder, `spool-${name}`)}`;
  await writeFile(file, `${[...head, spool, "[Cuir]", "http: none", ...lines].join("\n")}\n`);
  return file;
}

/** A thousand probes a second, all of them events. */
export const manyProbes = (redisPort: number): readonly string[] => [
  "interval: 500ms",
  "emit: all",
  ...Array.from({ length: 500 }, (_, index) => `T${index}: 127.0.0.1:${redisPort}:service`),
];

/** As memory.ts and soak.ts run a tool: the configuration file says all. */
export function withoutConfig({ moustash }: Bench): Environment {
  const { MOUSTASH_CONFIG: _, ...env } = moustash.env;
  return env;
}
