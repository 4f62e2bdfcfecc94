// Fouet: listens to supervisord and reports every change of a process's state.
import { fouetSections } from "./commands/sections.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { MoustashError, exitCodes } from "./errors.ts";
import { run } from "./run.ts";
import { findLife } from "./supervisor/life.ts";
import { listen } from "./supervisor/stdio.ts";

const tool = {
  tool: "fouet",
  headline:
    "Fouet listens to supervisord and reports every change of a process's state to Redis or RabbitMQ.",
  usage: ["fouet [OPTION…]"],
  notes: ["supervisord runs it: command=/opt/moustash/bin/fouet in an [eventlistener:fouet] section."],
  sections: fouetSections,
  flags: {},
} as const;

export const main = () =>
  run(tool, async ({ config, logger, signal, reload }) => {
    const { Moustash: values, Fouet: settings } = config.values;
    refuseStdout(values.transport);
    const reread = async () => (await reload()).values.Moustash;
    await using delivery = openDelivery({ tool: "fouet", values, logger, reread });
    const { host, events, store } = delivery;
    const life = await findLife(process.ppid);
    const { stdin: input, stdout: output } = process;
    logger.info({ broker: delivery.transport.name }, "listening to supervisord");
    return farewell(
      await delivery.ship(listen({ input, output, events, host, store, settings, signal, life }), { signal }),
      logger,
    );
  });

function refuseStdout(transport: string): void {
  if (transport !== "stdout") return;
  const message = "transport = stdout: Fouet's standard output belongs to supervisord: set redis or rabbitmq";
  throw new MoustashError("configuration", exitCodes.configuration, message);
}
