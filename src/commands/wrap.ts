// Runs a command and tells how it ended. The command is started first, and nothing of ours can stop it: neither a
// broken configuration nor a broker or disk that is away.
import { basename } from "node:path";
import { loadConfig } from "../config/config.ts";
import { type Delivery, openDelivery } from "../delivery.ts";
import { MoustashError, exitCodes } from "../errors.ts";
import { type Ended, type RunningCommand, startCommand } from "../message/command.ts";
import { createTally, toJsonLine, toNotes } from "../message/outcome.ts";
import { type Remembering, type Rule, openMemory } from "../message/remember.ts";
import { sayRun } from "../message/run.ts";
import type { RunWording } from "../message/run-report.ts";
import { type PanpanOptions, panpanSettings } from "../message/settings.ts";
import type { Wording } from "../message/wording.ts";
import { within } from "../waiting.ts";
import type { PanpanShell } from "./panpan.ts";
import { eventsOf, wordingOf } from "./saying.ts";

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
    .then(() => report(shell, { command, running, wording }))
    .catch((error: unknown) =>
      shell.logger.warn({}, `${basename(command[0])} is not told of: ${reasonOf(error)}`),
    );
  const ended = await running.ended;
  if (ended.trouble !== undefined) shell.logger.error({}, ended.trouble);
  await within(reporting, Moustash.drain_timeout + Moustash.accept_within + patienceMs);
  return exitAs(ended);
}

/** Loading and connecting would take the processor from a command that begins, and blur when a short one ended. */
const settleMs = 300;
/** What a commit to disk may take beside. */
const patienceMs = 1000;

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

interface Told {
  readonly command: Command;
  readonly running: RunningCommand;
  readonly wording: (host: string) => Wording;
}

async function report(shell: PanpanShell, { command, running, wording }: Told): Promise<void> {
  const { config, logger } = shell;
  const { Moustash, Panpan } = config.values;
  const startedMs = performance.now();
  const tally = createTally();
  const observe = { delivered: (_count: number, sent: { listLength?: number }) => tally.delivered(sent) };
  const delivery = openDelivery({ tool: "panpan", values: Moustash, logger: quieter(shell), observe });
  const events = eventsOf(shell, delivery.host);
  const words = wording(delivery.host);
  const run: RunWording = {
    wording: words,
    name: Panpan.message ?? words.program,
    command,
    mask: Panpan.mask,
    runId: events.run,
  };
  const { rule, remembering } = await remember(shell, delivery, words);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  async function* batches() {
    yield* sayRun({
      running,
      run,
      events,
      rule,
      start: Panpan.start,
      everyMs: Panpan.every,
      remembering,
      heard: tally.heard,
    });
    resolve();
  }
  const never = new AbortController().signal;
  const shipping = delivery.ship(batches(), { signal: never, run: events.run });
  // Once all is accepted nobody waits: what is on disk goes out with the next run.
  const accepted = delivery.spool.durable ? over.then(() => undefined) : new Promise<undefined>(() => {});
  const shipped = await Promise.race([shipping, accepted]);
  const counts = tally.counts();
  const delivered = shipped?.pending === false;
  if (shipped) await delivery[Symbol.asyncDispose]();
  if (shipped && shipped.unaccepted > 0) {
    logger.warn({}, `${run.name} is not told of: the broker is away, and there is no disk to spool on`);
  }
  if (Panpan.json_output) {
    const { exitCode } = await running.ended;
    process.stderr.write(
      toJsonLine({ ...counts, run: events.run, ms: performance.now() - startedMs, exitCode, delivered }),
    );
  } else if (!Panpan.quiet) {
    for (const note of toNotes({ ...counts, delivered }, { terminal: process.stderr.isTTY }))
      logger.warn({}, note);
  }
}

/** While a command runs, its terminal is its own: only what needs a person is said. */
function quieter({ logger }: PanpanShell): PanpanShell["logger"] {
  return { ...logger, debug() {}, info() {}, warn() {} };
}

async function remember(
  { config, logger }: PanpanShell,
  { store }: Delivery,
  { program, source }: Wording,
): Promise<{ rule: Rule; remembering: Remembering }> {
  const { on, after } = config.values.Panpan;
  if (!store.durable && (on === "change" || after > 1)) {
    logger.warn(
      {},
      `--on ${on} --after ${after} need a disk to remember the last run on (see spool): each failure is told`,
    );
    return {
      rule: { on: on === "always" ? on : "fail", after: 1 },
      remembering: await openMemory(store, { program, source }),
    };
  }
  const memory = await openMemory(store, { program, source });
  return { rule: { on, after }, remembering: memory };
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
