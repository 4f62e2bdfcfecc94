// Runs a command and tells how it ended. The command is started first, and nothing of ours can stop it: neither a
// broken configuration nor a broker or disk that is away.
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { ConfigError, Problem } from "../config/problem.ts";
import { MoustashError, UsageError, exitCodes } from "../errors.ts";
import { type Ended, type RunningCommand, startCommand } from "../message/command.ts";
import type { Wording } from "../message/wording.ts";
import { within } from "../waiting.ts";
import type { PanpanShell } from "./panpan.ts";
import { wordingOf } from "./saying.ts";

type Command = readonly [string, ...string[]];
type BareShell = Omit<PanpanShell, "reload">;

export async function wrap(shell: PanpanShell, command: Command): Promise<number> {
  const wording = prepare(shell, command);
  const running = await start(shell, command);
  const reporting = within(running.ended, settleMs)
    .then(async ({ is }) => ({ oneShot: is !== "late", tell: (await import("./tell.ts")).tell }))
    .then(({ oneShot, tell }) => tell(shell, { command, running, wording, oneShot }))
    .catch((error: unknown) =>
      shell.logger.warn({}, `${basename(command[0])} is not told of: ${reasonOf(error)}`),
    );
  const ended = await running.ended;
  if (ended.trouble !== undefined) shell.logger.error({}, ended.trouble);
  await within(reporting, patienceMs);
  return exitAs(ended, running);
}

/** Loading and connecting would take the processor from a command that begins, and blur when a short one ended. */
const settleMs = 300;
/** What a broker and a slow disk may take together; beyond that nobody waits for them. */
const patienceMs = 10_000;

/** The same where the configuration is broken: with the options of it that can be read, and nobody is told. */
export async function wrapUntold(error: ConfigError, shell: BareShell, command: Command): Promise<number> {
  prepare(shell, command);
  for (const warning of shell.config.warnings) shell.logger.warn({}, warning);
  for (const problem of error.problems)
    shell.logger.warn({}, `the command runs, but nobody will be told: ${spell(problem)}`);
  const running = await start(shell, command);
  const ended = await running.ended;
  if (ended.trouble !== undefined) shell.logger.error({}, ended.trouble);
  return exitAs(ended, running);
}

/** What is not in force is worth its name where the command itself depends on it. */
function spell({ origin, message, setting }: Problem): string {
  return `${origin}: ${message}${setting?.section === "Panpan" ? `; ${setting.key} is not in force` : ""}`;
}

/** What is wrong is said before the command starts. */
function prepare(shell: BareShell, command: Command): (host: string) => Wording {
  const { Moustash, Panpan } = shell.config.values;
  refuseStdout(Moustash.transport);
  const wording = (host: string) =>
    wordingOf(shell, { host, program: Panpan.program ?? basename(command[0]) });
  // Wrong fields are wrong usage.
  wording("");
  judgeBytes(shell, command);
  return wording;
}

/** Node reads words and variables as UTF-8: another byte would reach the command as U+FFFD, and may name another file. */
function judgeBytes({ logger, childEnvironment }: BareShell, command: Command): void {
  const broken = command.find((word) => word.includes(replacement));
  if (broken !== undefined && !isWholeUtf8("cmdline")) {
    throw new UsageError(
      `${JSON.stringify(broken)} is not UTF-8 and would reach the command as another word: put the command into a script`,
    );
  }
  const names = Object.keys(childEnvironment).filter((name) => childEnvironment[name]!.includes(replacement));
  if (names.length > 0 && !isWholeUtf8("environ")) {
    logger.warn(
      {},
      `not UTF-8, and U+FFFD for the command where it is not: the environment's ${names.join(", ")}`,
    );
  }
}

const replacement = "\uFFFD";

/** As the kernel was given it. */
function isWholeUtf8(what: "cmdline" | "environ"): boolean {
  try {
    return isUtf8(readFileSync(`/proc/self/${what}`));
  } catch {
    return true;
  }
}

export function refuseStdout(transport: string): void {
  if (transport !== "stdout") return;
  throw new MoustashError(
    "configuration",
    exitCodes.configuration,
    "transport = stdout cannot be used with --run: standard output is the command's own",
  );
}

function start(shell: BareShell, command: Command): Promise<RunningCommand> {
  const options = shell.config.values.Panpan;
  return startCommand({
    command,
    environment: shell.childEnvironment,
    umask: shell.umask,
    subscribe: shell.subscribe,
    keepLines: options.keep_lines,
    killAfterMs: options.kill_after,
  });
}

/** A key typed on the terminal that we share ends a shell's script only where we die of it, too. */
function exitAs({ exitCode, typed }: Ended, running: RunningCommand): number {
  if (typed !== undefined) {
    running.letGo();
    process.kill(process.pid, typed);
  }
  return exitCode;
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
