// Cuir: probes ports and reports what changed.
import { cuirSections } from "./commands/sections.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { isTarget, parseTarget } from "./probe/target.ts";
import { watch } from "./probe/watch.ts";
import { run } from "./run.ts";

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
  flags: {},
  shorts: { interval: "i", timeout: "t" },
  targets: {
    section: "Cuir",
    isTarget,
    parseLine: ({ key, value }: { key: string; value: string }) => parseTarget(key, value),
    subsections: {},
  },
} as const;

export const main = () =>
  run(tool, async ({ config, logger, signal, reload }) => {
    const { Moustash: values, Cuir: settings } = config.values;
    const reread = async () => (await reload()).values.Moustash;
    await using delivery = openDelivery({ tool: "cuir", values, logger, reread });
    const { host, events, store } = delivery;
    const targets = config.targets;
    logger.info({ targets: targets.length, broker: delivery.transport.name }, "probing");
    return farewell(
      await delivery.ship(watch({ targets, settings, host, events, store, signal }), { signal }),
      logger,
    );
  });
