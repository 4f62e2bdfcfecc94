// Runs a command and tells how it ended. The command is started first, and nothing of ours can stop it: neither a
// broken configuration nor a broker or disk that is away.
import { basename } from "node:path";
import { loadConfig } from "../config/config.ts";
import { MoustashError, exitCodes } from "../errors.ts";
import { type Ended, type RunningCommand, startCommand } from "../message/command.ts";
import { type PanpanOptions, panpanSettings } from "../message/settings.ts";
import { within } from "../waiting.ts";
import type { PanpanShell } from "./panpan.ts";
import { wordingOf } from "./saying.ts";

type Command = readonly [string, ...string[]];
type BareShell = Omit<PanpanShell, "config" | "reload">;

export async function wrap(shell: PanpanShell, command: Command): Promise<number> {
  const { Moustash, Panpan } = shell.config.values;
  if (Moustash.transport === "stdout") {
    throw new MoustashError(
      "configuration",
      exitCodes.configuration,
      "transport = stdout cannot be used with --run: standard output is the command's own",
    );
  }
  const wording = (host: string) =>
    wordingOf(shell, { host, program: Panpan.program ?? basename(command[0]) });
  // Wrong fields are wrong usage, said before the command starts.
  wording("");
  const running = await start(shell, Panpan, command);
  const reporting = within(running.ended, settleMs)
    .then(async ({ is }) => ({ oneShot: is !== "late", tell: (await import("./tell.ts")).tell }))
    .then(({ oneShot, tell }) => tell(shell, { command, running, wording, oneShot }))
    .catch((error: unknown) =>
      shell.logger.warn({}, `${basename(command[0])} is not told of: ${reasonOf(error)}`),
    );
  const ended = await running.ended;
  if (ended.trouble !== undefined) shell.logger.error({}, ended.trouble);
  await within(reporting, patienceMs);
  return exitAs(ended);
}

/** Loading and connecting would take the processor from a command that begins, and blur when a short one ended. */
const settleMs = 300;
/** What a broker and a slow disk may take together; beyond that nobody waits for them. */
const patienceMs = 10_000;

/** The same where the configuration is broken: with the options alone, and nobody is told. */
export async function wrapUntold(error: MoustashError, shell: BareShell, command: Command): Promise<number> {
  const lines = error.message.split("\n").map((line) => `the command runs, but nobody will be told: ${line}`);
  for (const line of lines) shell.logger.warn({}, line);
  const flags = shell.line.flags.filter(({ section }) => section === "Panpan");
  const sections = { Panpan: panpanSettings };
  const load = (env: Readonly<Record<string, string>>) => loadConfig({ sections, path: "none", flags, env });
  let config;
  try {
    config = await load(shell.childEnvironment);
  } catch {
    config = await load({});
  }
  const ended = await (await start(shell, config.values.Panpan, command)).ended;
  if (ended.trouble !== undefined) shell.logger.error({}, ended.trouble);
  return exitAs(ended);
}

function start(shell: BareShell, options: PanpanOptions, command: Command): Promise<RunningCommand> {
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
function exitAs({ exitCode, typed }: Ended): number {
  if (typed !== undefined) process.kill(process.pid, typed);
  return exitCode;
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
