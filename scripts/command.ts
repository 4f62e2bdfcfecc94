// Runs other programs for the scripts: visibly (run), or for what they print (output).
import { spawn, type SpawnOptions } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

/** An expected trouble of a script: its message tells a person what to do, no stack is shown. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  timeoutMs?: number;
}

/** One plain line of progress. Standard output stays free for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a command whose output people see, on standard error; throws unless it ends well. */
export async function run(command: string, args: string[], options: CommandOptions = {}): Promise<void> {
  const { code } = await finish(command, args, ["ignore", 2, 2], options);
  if (code !== 0)
    throw new ScriptError(`${command} ${args.join(" ")}: failed (${code}), see the lines above`);
}

/** Runs a command for its standard output, trimmed; throws with its standard error unless it ends well. */
export async function output(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await finish(command, args, ["ignore", "pipe", "pipe"], options);
  if (code !== 0) throw new ScriptError(`${command} ${args.join(" ")}: failed (${code})\n${stderr.trim()}`);
  return stdout.trim();
}

/** Whether a command ends well; what it prints is of no interest. */
export async function succeeds(
  command: string,
  args: string[],
  options: CommandOptions = {},
): Promise<boolean> {
  const { code } = await finish(command, args, ["ignore", "ignore", "ignore"], options);
  return code === 0;
}

/** Runs a command whose output matters only when it fails; a line every 15 s says that it is still at work. */
export async function runQuietly(
  what: string,
  command: string,
  args: string[],
  options: CommandOptions = {},
) {
  say(`${what} …`);
  const sinceMs = Date.now();
  const heartbeat = setInterval(
    () => say(`${what} … ${Math.round((Date.now() - sinceMs) / 1_000)} s`),
    15_000,
  );
  try {
    const { code, stdout, stderr } = await finish(command, args, ["ignore", "pipe", "pipe"], options);
    if (code === 0) return;
    say(`${stdout}${stderr}`);
    throw new ScriptError(`${what}: failed (${code}), see the lines above`);
  } finally {
    clearInterval(heartbeat);
  }
}

/** Tries again what a network can spoil: twice, after a pause, saying why. */
export async function retried(attempt: () => Promise<void>): Promise<void> {
  for (const pauseMs of [2_000, 8_000]) {
    try {
      return await attempt();
    } catch (error) {
      say(`${(error as Error).message.split("\n")[0]}: trying again in ${pauseMs / 1_000} s`);
      await delay(pauseMs);
    }
  }
  return attempt();
}

/** Runs a script's main; an expected trouble is one line and exit 1. */
export async function main(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

interface Finished {
  code: number | string;
  stdout: string;
  stderr: string;
}

async function finish(
  command: string,
  args: string[],
  stdio: SpawnOptions["stdio"],
  { cwd, env, timeoutMs }: CommandOptions,
): Promise<Finished> {
  const child = spawn(command, args, {
    stdio,
    cwd,
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.on("error", (error) =>
      resolve({ code: (error as NodeJS.ErrnoException).code ?? 1, stdout, stderr }),
    );
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? 1, stdout, stderr }));
  });
}
