// The process shell: command line, configuration, log, signals and exit codes. Only here are process.env,
// process.on and exit codes.
import {
  type CommandFlags,
  type CommandLine,
  type CommandSpec,
  type FlagValues,
  type commonFlags,
  parseCommandLine,
} from "./config/command-line.ts";
import { type Config, type Judgement, loadConfig, readConfig } from "./config/config.ts";
import { describeConfig } from "./config/describe.ts";
import { type HelpTexts, formatHelp } from "./config/help.ts";
import { ConfigError } from "./config/problem.ts";
import type { sharedSettings } from "./config/settings.ts";
import type { TargetOptions } from "./config/targets.ts";
import type { Sections } from "./config/names.ts";
import { MoustashError, UsageError, exitCodes } from "./errors.ts";
import { type Logger, type LoggerOptions, createPlainLogger } from "./logger.ts";
import type { Settings } from "./setting.ts";
import { version } from "./version.ts";

/** The tables that a tool judges: [Moustash]'s, of which the shell itself reads the log's, and its own. */
export type ToolSections = Sections & { readonly Moustash: typeof sharedSettings };

export interface Tool<
  S extends ToolSections,
  F extends CommandFlags,
  T = never,
  U extends Settings = Settings,
>
  extends CommandSpec<F>, HelpTexts {
  readonly sections: S;
  readonly targets?: TargetOptions<T, U>;
  /** A daemon's log. Without it people read what is said, one plain line without time: a one-shot's. */
  readonly log?: (options: LoggerOptions) => Promise<Logger>;
  /** What must hold of the settings together for what the line asks for. */
  readonly judge?: (
    values: Config<S, T, U>["values"],
    line: CommandLine<F>,
  ) => readonly Judgement[] | Promise<readonly Judgement[]>;
  /** What to do all the same where the configuration is broken; without it the error ends the process (78). */
  readonly whenBroken?: (error: ConfigError, shell: BrokenShell<S, F, T, U>) => Promise<number | void>;
}

/** Its `config` is what can be read of a broken one: what is wrong in it counts as not given. */
export type BrokenShell<
  S extends ToolSections,
  F extends CommandFlags,
  T = never,
  U extends Settings = Settings,
> = Omit<Shell<S, F, T, U>, "reload">;

export interface Shell<
  S extends ToolSections,
  F extends CommandFlags,
  T = never,
  U extends Settings = Settings,
> {
  readonly config: Config<S, T, U>;
  readonly line: CommandLine<F>;
  readonly logger: Logger;
  /** Aborts at the first SIGTERM or SIGINT; who never asks for it gets neither caught. */
  readonly signal: AbortSignal;
  /** Tells a listener each time a signal comes; what it returns ends that. */
  readonly subscribe: (signal: NodeJS.Signals, listener: () => void) => () => void;
  /** As we were started with; what we make ourselves is for our group alone. */
  readonly umask: number;
  /** What a child gets: our environment, with what the launcher hid from Node put back. */
  readonly childEnvironment: Readonly<Record<string, string>>;
  /** Reads the configuration anew; a ConfigError leaves the one in force as it is. */
  readonly reload: () => Promise<Config<S, T, U>>;
}

/** The launcher renames variables that would break our Node: `LD_PRELOAD` comes as this, then the name. */
const stashed = "MOUSTASH_STASHED_";

/** Runs a tool to its exit code. Never returns. */
export async function run<
  const S extends ToolSections,
  const F extends CommandFlags,
  T = never,
  U extends Settings = Settings,
>(tool: Tool<S, F, T, U>, main: (shell: Shell<S, F, T, U>) => Promise<number | void>): Promise<never> {
  const umask = process.umask(0o007);
  // A one-shot says little, and need not wait for streams that it may never have used: asking makes them.
  const leave = tool.log ? leaveInTurn : async (code: number) => process.exit(code);
  process.on("uncaughtException", (error) => void leave(explain(tool.tool, error)));
  try {
    return await leave((await start(tool, main, umask)) ?? exitCodes.ok);
  } catch (error) {
    return await leave(explain(tool.tool, error));
  }
}

/** A reader who is slow has so long when we were asked to end; else he has all the time that he wants. */
const mostFarewellMs = 1000;

/** A pipe holds 64 kB, and what we wrote beyond that is still with us: it goes out before we end. */
async function leaveInTurn(code: number): Promise<never> {
  const streams = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  const written = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        // A reader who went away has seen enough.
        stream.on("error", () => resolve());
        stream.write("", () => resolve());
      }),
  );
  const late = new Promise<void>((resolve) => {
    if (ending?.aborted) setTimeout(resolve, mostFarewellMs);
  });
  await Promise.race([Promise.all(written), late]);
  process.exit(code);
}

async function start<S extends ToolSections, F extends CommandFlags, T, U extends Settings>(
  tool: Tool<S, F, T, U>,
  main: (shell: Shell<S, F, T, U>) => Promise<number | void>,
  umask: number,
): Promise<number | void> {
  const line = parseCommandLine(tool, process.argv.slice(3));
  const common: FlagValues<typeof commonFlags> = line.options;
  if (common.help || common["help-all"]) return print(formatHelp(tool, { all: common["help-all"] }));
  if (common.version) return print(`${tool.tool} ${version} (Moustash; Node ${process.versions.node})`);
  const options = {
    sections: tool.sections,
    path: common.config,
    flags: line.flags,
    env: process.env,
    ...(tool.targets && { targets: tool.targets }),
    judge: (values: Config<S, T, U>["values"]) => tool.judge?.(values, line) ?? [],
  };
  const reload = () => loadConfig<S, T, U>(options);
  const rest = {
    line,
    get signal() {
      return endSignal();
    },
    subscribe,
    umask,
    get childEnvironment() {
      return childEnvironment(process.env);
    },
  };
  const { config, problems } = await readConfig<S, T, U>(options);
  const plain = createPlainLogger(tool.tool, say);
  const isShown = common.check || common["print-config"];
  if (isShown) for (const warning of config.warnings) plain.warn({}, warning);
  if (problems.length > 0) {
    const error = new ConfigError(problems);
    if (!tool.whenBroken || isShown) throw error;
    return await tool.whenBroken(error, Object.assign(rest, { config, logger: plain }));
  }
  if (common.check) return print(`${config.path ?? "no file"}: the configuration is right`);
  if (common["print-config"]) return print(describeConfig(config));
  const { log_level: level, log_format: format } = config.values.Moustash;
  const logger = tool.log ? await tool.log({ tool: tool.tool, level, format }) : plain;
  for (const warning of config.warnings) logger.warn({}, warning);
  return await main(Object.assign(rest, { config, logger, reload }));
}

let ending: AbortSignal | undefined;

/** The first SIGTERM or SIGINT asks to end, the second ends: what was accepted is on disk or at the broker. */
function endSignal(): AbortSignal {
  if (ending) return ending;
  const controller = new AbortController();
  ending = controller.signal;
  for (const [name, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number);
      controller.abort();
    });
  }
  return controller.signal;
}

function subscribe(signal: NodeJS.Signals, listener: () => void): () => void {
  process.on(signal, listener);
  return () => void process.off(signal, listener);
}

function childEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const hidden = Object.keys(env).filter((name) => name.startsWith(stashed));
  const visible = Object.entries(env).filter(([name]) => !name.startsWith(stashed));
  const restored = hidden.map((name) => [name.slice(stashed.length), env[name]]);
  return Object.fromEntries([...visible, ...restored]) as Record<string, string>;
}

/** Says what went wrong: a line for each expected trouble, a stack for our own bugs; gives the exit code. */
function explain(tool: string, error: unknown): number {
  if (error instanceof MoustashError) {
    for (const text of error.message.split("\n")) say(`${tool}: ${text}\n`);
    if (error instanceof UsageError) say(`${tool}: see ${tool} --help\n`);
    return error.exitCode;
  }
  say(
    `${tool}: this is a bug of ours, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return exitCodes.bug;
}

function say(text: string): void {
  process.stderr.write(text);
}

function print(text: string): void {
  // `--help | head`: a reader that has seen enough is no error.
  process.stdout.on("error", () => {});
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}
