// A wrapped command: started at once, left alone, and told about when it has ended. It never waits for a broker.
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { ringAfter } from "../waiting.ts";
import { type Kernel, type Usage, loadKernel } from "./kernel.ts";
import { type Tails, openOutput } from "./output.ts";
import { type Subscribe, forwardSignals } from "./signal.ts";
import { watchUsage } from "./usage.ts";
import { type Process, processOf, signalAll, treeOf } from "./tree.ts";

export interface CommandOptions {
  readonly command: readonly [string, ...string[]];
  /** As the command would have had it without us. */
  readonly environment: Readonly<Record<string, string>>;
  readonly umask: number;
  readonly subscribe: Subscribe;
  /** How many last lines of its output to keep; none leaves the output wholly to the command. */
  readonly keepLines: number;
  readonly killAfterMs?: number | undefined;
}

export interface RunningCommand {
  readonly startedAtMs: number;
  readonly pid: number | undefined;
  /** Resolves when it has ended or could not start; never rejects. */
  readonly ended: Promise<Ended>;
  /** From now on signals are ours: until then none ends us, so that the command's end is told and its code passed on. */
  letGo(): void;
}

export interface Ended {
  readonly atMs: number;
  readonly durationMs: number;
  /** What we exit with: its code, 128+n where a signal ended it, 126 or 127 where it could not start. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  /** It was typed on the terminal that we share: to die of it as well lets a shell stop its script. */
  readonly typed?: NodeJS.Signals;
  /** Why it could not start, for people. */
  readonly trouble?: string;
  /** It ran longer than it may. */
  readonly killed?: true;
  readonly usage?: Usage;
  readonly tails: Tails;
}

/** After SIGTERM. */
const graceMs = 10_000;
const lookAgainMs = 100;
const reapEveryMs = 1000;

export async function startCommand(options: CommandOptions): Promise<RunningCommand> {
  const { command, environment, umask, subscribe, keepLines, killAfterMs } = options;
  const { spawn } = await import("node:child_process");
  const kernel = loadKernel();
  const output = await openOutput({ keepLines, kernel });
  const [file, ...args] = command;
  const startedAtMs = Date.now();
  const startedMs = performance.now();
  const start = () => spawn(file, args, { stdio: ["inherit", ...output.stdio], env: environment });
  const ours = process.umask(umask);
  // Before the command is there: no turn of the event loop lies between, so no signal is lost.
  const forwarding = forwardSignals(subscribe, (signal) => started.child?.kill(signal));
  const started: { child?: ChildProcess } = {};
  const child = await startOrNot(start);
  process.umask(ours);
  if (!(child instanceof Error)) started.child = child;
  await output.started();
  const usage = watchUsage(child instanceof Error ? undefined : child.pid, kernel);

  async function wait(): Promise<Ended> {
    if (child instanceof Error)
      return { ...notStarted(file, child), atMs: startedAtMs, durationMs: 0, tails: {} };
    const killer = limit(child, killAfterMs);
    const reaper = reapOthers(child, kernel);
    const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
      (resolve) => {
        child.once("exit", (code, signal) => resolve({ code, signal }));
      },
    );
    const durationMs = Math.round(performance.now() - startedMs);
    const used = usage.end();
    await killer.over();
    clearInterval(reaper);
    await output.settled();
    const typed = forwarding.typed();
    return {
      atMs: startedAtMs + durationMs,
      durationMs,
      exitCode: code ?? 128 + constants.signals[signal!],
      ...(signal && { signal }),
      ...(signal && signal === typed && { typed }),
      ...(killer.hasKilled() && { killed: true as const }),
      ...(used && { usage: used }),
      tails: output.tails(),
    };
  }

  const pid = child instanceof Error ? undefined : child.pid;
  return { startedAtMs, pid, ended: wait(), letGo: () => forwarding.stop() };
}

/** The child, once it runs its program; or the error. */
async function startOrNot(start: () => ChildProcess): Promise<ChildProcess | NodeJS.ErrnoException> {
  try {
    const child = start();
    if (child.pid !== undefined) return child;
    return await new Promise<NodeJS.ErrnoException>((resolve) => child.once("error", resolve));
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** As shells say it: 127 not found, 126 found but not to be executed. */
function notStarted(
  file: string,
  { code = "error" }: NodeJS.ErrnoException,
): { exitCode: number; trouble: string } {
  const missing = code === "ENOENT" || code === "ENOTDIR";
  const reasons: Record<string, string> = {
    ENOENT: "no such command",
    ENOTDIR: "no such command",
    EACCES: "permission denied",
    ENOEXEC: "it is no program for this machine",
    E2BIG: "arguments and environment are too long",
  };
  return { exitCode: missing ? 127 : 126, trouble: `cannot start ${file}: ${reasons[code] ?? code}` };
}

/**
 * SIGTERM to the command and all that it started when its time is over, SIGKILL to who still lives after a grace: also
 * where the command itself has ended.
 */
function limit(child: ChildProcess, ms: number | undefined) {
  /** Who got SIGTERM. */
  let told: readonly Process[] | undefined;
  let killsAtMs = Infinity;
  let stop = () => {};
  if (ms !== undefined) {
    const command = processOf(child.pid!);
    stop = ringAfter(ms, () => {
      told = command ? treeOf([command]) : [];
      if (told.length > 0) signalAll(told, "SIGTERM");
      // Without /proc it is the command alone.
      else child.kill("SIGTERM");
      killsAtMs = performance.now() + graceMs;
      stop = ringAfter(graceMs, () => {
        child.kill("SIGKILL");
        signalAll(treeOf(told!), "SIGKILL");
      });
    });
  }
  return {
    hasKilled: () => told !== undefined,
    /** The command has ended: resolves when all that got SIGTERM have, or SIGKILL. */
    async over(): Promise<void> {
      if (told === undefined) return stop();
      while (performance.now() < killsAtMs && treeOf(told).length > 0) {
        await new Promise((resolve) => void setTimeout(resolve, lookAgainMs));
      }
      stop();
      signalAll(treeOf(told), "SIGKILL");
    },
  };
}

/** Process 1 inherits whoever lost its parent, and has to wait for them when they die. */
function reapOthers(child: ChildProcess, kernel: Kernel | undefined): NodeJS.Timeout | undefined {
  if (process.pid !== 1 || !kernel) return undefined;
  return setInterval(() => kernel.reap(child.pid!), reapEveryMs).unref();
}
