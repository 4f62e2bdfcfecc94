// Cuir: probes ports and reports what changed.
import { healthFlag, sayHealth } from "./commands/health.ts";
import { cuirSections, targetSettings } from "./commands/sections.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { createLedger } from "./monitor/ledger.ts";
import { accessOf } from "./monitor/settings.ts";
import { openMonitor } from "./monitor/monitor.ts";
import { configureTargets, judgeTargets } from "./probe/configure.ts";
import { isTarget, parseTarget } from "./probe/target.ts";
import { watch } from "./probe/watch.ts";
import { run } from "./run.ts";
import { version } from "./version.ts";

const tool = {
  tool: "cuir",
  headline: "Cuir probes ports and reports what changed to Redis or RabbitMQ, as Logstash events.",
  usage: ["cuir [OPTION…]"],
  examples: [
    ["cuir --config moustash.ini", "probe the targets of this file"],
    ["CUIR_PROBES='SSH: 10.1.2.3:22:ssh server' cuir --redis-ip redis", "without a file"],
    ["cuir --check", "is the configuration right?"],
  ],
  sections: cuirSections,
  flags: { health: healthFlag },
  shorts: { interval: "i", timeout: "t" },
  targets: {
    section: "Cuir",
    isTarget,
    parseLine: ({ key, value }: { key: string; value: string }) => parseTarget(key, value),
    subsections: targetSettings,
    judge: judgeTargets,
  },
} as const;

export const main = () =>
  run(tool, async ({ config, line, logger, signal, reload }) => {
    const { Moustash: values, Cuir: settings } = config.values;
    if (line.options.health) return sayHealth("cuir", settings.http);
    const reread = async () => (await reload()).values.Moustash;
    const ledger = createLedger();
    await using delivery = openDelivery({ tool: "cuir", values, logger, reread, observe: ledger.observe });
    const { host, events, store } = delivery;
    const targets = configureTargets({ ...config, settings, host });
    const source = watch({ targets, settings, host, events, store, signal, probed: ledger.probed });
    await using _monitor = await openMonitor({
      tool: "cuir",
      host,
      version,
      address: settings.http,
      access: accessOf(settings),
      sources: {
        ledger,
        spool: delivery.spool,
        targets: () => source.snapshot(),
        quietMs: 60_000 + 3 * settings.interval + settings.timeout,
      },
      report: (level, message) => logger[level]({}, message),
    });
    logger.info({ targets: targets.length, broker: delivery.transport.name }, "probing");
    return farewell(await delivery.ship(source, { signal }), logger);
  });
