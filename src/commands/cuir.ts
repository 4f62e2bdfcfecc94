// Cuir's command line, and what its one-time commands do; without one of them it probes.
import { configureTargets, judgeTargets } from "../probe/configure.ts";
import { isTarget, parseTarget } from "../probe/target.ts";
import { openDelivery } from "../delivery.ts";
import { openStore } from "../store/open.ts";
import { createLogger } from "../logger.ts";
import type { ConfigError } from "../config/problem.ts";
import type { Shell } from "../run.ts";
import { doctor, jsonFlag } from "./doctor.ts";
import { healthFlag, healthWhenBroken, sayHealth } from "./health.ts";
import { judgeCuir } from "./judge.ts";
import { once, onceFlag } from "./once.ts";
import { cuirSections, targetSettings } from "./sections.ts";
import { silence, silenceFlag } from "./silence.ts";
import { status, statusFlag } from "./status.ts";
import { testNotification, testNotificationFlag } from "./test-notification.ts";

const flags = {
  once: onceFlag,
  status: statusFlag,
  health: healthFlag,
  silence: silenceFlag,
  "test-notification": testNotificationFlag,
  "json-output": jsonFlag,
} as const;

export const cuir = {
  tool: "cuir",
  headline: "Cuir probes ports and reports what changed to Redis or RabbitMQ, as Logstash events.",
  usage: ["cuir [OPTION…]"],
  examples: [
    ["cuir --config moustash.ini", "probe the targets of this file"],
    ["CUIR_PROBES='SSH: 10.1.2.3:22:ssh server' cuir --redis-ip redis", "without a file"],
    ["cuir --once", "one round, shown here"],
    ["cuir --silence SSH 2h disk is replaced", "do not wake anybody"],
    ["cuir --check", "is the configuration right?"],
  ],
  sections: cuirSections,
  flags,
  log: createLogger,
  judge: judgeCuir,
  shorts: { interval: "i", timeout: "t" },
  targets: {
    section: "Cuir",
    isTarget,
    parseLine: ({ key, value }: { key: string; value: string }) => parseTarget(key, value),
    subsections: targetSettings,
    judge: judgeTargets,
  },
} as const;

/** `--health` asks who lives, whatever became of the configuration since. */
export const whenBroken = async (error: ConfigError, { config, ...shell }: BrokenCuirShell) =>
  healthWhenBroken("cuir", error, { ...shell, address: config.values.Cuir.http });

type BrokenCuirShell = Pick<CuirShell, "config" | "line" | "logger">;

export type CuirShell = Shell<
  typeof cuirSections,
  typeof flags,
  ReturnType<typeof parseTarget>,
  typeof targetSettings
>;

/** Does what a flag asks for; undefined where the daemon is asked for. */
export async function command(shell: CuirShell): Promise<number | undefined> {
  const { config, line, logger } = shell;
  const { Moustash: values, Cuir: settings } = config.values;
  const { options, words } = line;
  if (options.doctor) return await doctor(values, { json: options["json-output"] });
  if (options.health) return sayHealth("cuir", settings.http);
  const output = process.stdout;
  const unsplit = { ...settings, shard: undefined };
  const targets = configureTargets({ ...config, settings: unsplit, host: "" });
  if (targets.length === 0)
    logger.warn(
      {},
      "there are no targets, and nothing is probed: write Program: ip:port:informations into [Cuir]",
    );
  if (options.once) return once({ targets, settings, signal: shell.signal, output });
  const program = options["test-notification"];
  if (program !== undefined) {
    await using delivery = openDelivery({ tool: "cuir", values, logger, oneShot: true });
    const source = testNotification(program, { ...delivery, targets });
    const { pending } = await delivery.ship(source, { signal: shell.signal });
    output.write(pending ? "spooled, delivery pending\n" : `sent by ${delivery.transport.name}\n`);
    return 0;
  }
  if (!options.silence && !options.status) return undefined;
  const report = (message: string) => logger.warn({}, message);
  await using store = openStore({ directory: values.spool, report });
  const nowMs = Date.now();
  if (!store.durable)
    report(
      "there is no disk (spool = none): nothing is remembered here, ask /api/targets of the running Cuir",
    );
  if (options.status) return status({ targets, store, nowMs, output });
  output.write(`${await silence({ words, targets, store, nowMs })}\n`);
  return 0;
}
