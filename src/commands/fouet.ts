// Fouet's command line, and what its one-time commands do; without one of them it listens.
import { exitCodes } from "../errors.ts";
import { createLogger } from "../logger.ts";
import type { ConfigError } from "../config/problem.ts";
import type { Shell } from "../run.ts";
import { openStore } from "../store/open.ts";
import { relayFor } from "../supervisor/relay.ts";
import { doctor, jsonFlag } from "./doctor.ts";
import { healthFlag, healthWhenBroken, sayHealth } from "./health.ts";
import { judgeFouet } from "./judge.ts";
import { fouetSections } from "./sections.ts";
import { placeOf, setup } from "./setup.ts";
import { examineSupervisor } from "./supervisor-doctor.ts";
import { fouetStatus, fouetStatusFlag } from "./supervisor-status.ts";

const flags = {
  health: healthFlag,
  status: fouetStatusFlag,
  setup: {
    task: true,
    help: "print supervisord's section: stdio, socat, python or relay",
    words: "[WAY [SOCKET]]",
  },
  "json-output": jsonFlag,
  relay: {
    task: true,
    value: "SOCKET",
    help: "be the relay between supervisord and a Fouet that listens there",
  },
} as const;

export const fouet = {
  tool: "fouet",
  headline:
    "Fouet listens to supervisord and reports every change of a process's state to Redis or RabbitMQ.",
  usage: ["fouet [OPTION…]", "fouet --setup [WAY [SOCKET]]", "fouet --relay SOCKET"],
  notes: [
    "supervisord runs it: command=/opt/moustash/bin/fouet in an [eventlistener:fouet] section, or it listens on a socket that supervisord's relay connects to.",
  ],
  sections: fouetSections,
  flags,
  log: createLogger,
  judge: judgeFouet,
} as const;

/** `--health` asks who lives, whatever became of the configuration since. */
export const whenBroken = async (error: ConfigError, { config, ...shell }: BrokenFouetShell) =>
  healthWhenBroken("fouet", error, { ...shell, address: config.values.Fouet.http });

type BrokenFouetShell = Pick<FouetShell, "config" | "line" | "logger">;

export type FouetShell = Shell<typeof fouetSections, typeof flags>;

/** Does what a flag asks for; undefined where the daemon is asked for. */
export async function command(shell: FouetShell): Promise<number | undefined> {
  const { config, line, logger, signal, childEnvironment: environment } = shell;
  const { Moustash: values, Fouet: settings } = config.values;
  const { options, words } = line;
  const { stdin: input, stdout: output, ppid: parentPid } = process;
  if (options.setup) {
    output.write(setup(words, settings.listen));
    return exitCodes.ok;
  }
  if (options.health) return sayHealth("fouet", settings.http);
  if (options.status) {
    const report = (message: string) => logger.warn({}, message);
    await using store = openStore({ directory: values.spool, report });
    return await fouetStatus({ store, output });
  }
  if (options.doctor)
    return await doctor(values, {
      json: options["json-output"],
      more: await examineSupervisor(settings, environment),
    });
  if (options.relay !== undefined) {
    const to = placeOf(options.relay);
    const { host } = values;
    await relayFor({ input, output, to, parentPid, host, environment, signal, log: logger });
    return exitCodes.ok;
  }
  return undefined;
}
