// Fouet: listens to supervisord and reports every change of a process's state.
import { healthFlag, sayHealth } from "./commands/health.ts";
import { fouetSections } from "./commands/sections.ts";
import { placeOf, setup } from "./commands/setup.ts";
import { doctor, jsonFlag } from "./commands/doctor.ts";
import { examineSupervisor } from "./commands/supervisor-doctor.ts";
import { fouetStatus, fouetStatusFlag } from "./commands/supervisor-status.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { MoustashError, UsageError, exitCodes } from "./errors.ts";
import { createLedger } from "./monitor/ledger.ts";
import { openMonitor } from "./monitor/monitor.ts";
import { accessOf } from "./monitor/settings.ts";
import { run } from "./run.ts";
import { openStore } from "./store/open.ts";
import { listen } from "./supervisor/listener.ts";
import { relayFor } from "./supervisor/relay.ts";
import { version } from "./version.ts";

const tool = {
  tool: "fouet",
  headline:
    "Fouet listens to supervisord and reports every change of a process's state to Redis or RabbitMQ.",
  usage: ["fouet [OPTION…]", "fouet --setup [WAY [SOCKET]]", "fouet --relay SOCKET"],
  notes: [
    "supervisord runs it: command=/opt/moustash/bin/fouet in an [eventlistener:fouet] section, or it listens on a socket that supervisord's relay connects to.",
  ],
  sections: fouetSections,
  flags: {
    health: healthFlag,
    status: fouetStatusFlag,
    setup: {
      help: "print supervisord's section: stdio, socat, python or relay",
      words: "[WAY [SOCKET]]",
    },
    "json-output": jsonFlag,
    relay: {
      value: "SOCKET",
      help: "be the relay between supervisord and a Fouet that listens there",
    },
  },
  takesWords: true,
} as const;

export const main = () =>
  run(tool, async ({ config, line, logger, signal, reload, childEnvironment: environment }) => {
    const { Moustash: values, Fouet: settings } = config.values;
    if (line.options.setup) return void process.stdout.write(setup(line.words, settings.listen));
    if (line.words.length > 0) throw new UsageError(`"${line.words[0]}": Fouet takes options only`);
    if (line.options.health) return sayHealth("fouet", settings.http);
    if (line.options.status) {
      const report = (message: string) => logger.warn({}, message);
      await using store = openStore({ directory: values.spool, report });
      return fouetStatus({ store, output: process.stdout });
    }
    if (line.options.doctor)
      return doctor(values, {
        json: line.options["json-output"],
        more: await examineSupervisor(settings, environment),
      });
    const { stdin: input, stdout: output, ppid: parentPid } = process;
    if (line.options.relay !== undefined) {
      const to = placeOf(line.options.relay);
      return relayFor({ input, output, to, parentPid, environment, signal, log: logger });
    }
    if (settings.listen.length === 0) refuseStdout(values.transport);
    const reread = async () => (await reload()).values.Moustash;
    const ledger = createLedger();
    await using delivery = openDelivery({
      tool: "fouet",
      values,
      logger,
      reread,
      observe: ledger.observe,
      // What is kept of each notification serves one life of supervisord, which no power cut outlives.
      storeOutlives: "process",
    });
    const { host, events, store } = delivery;
    await using _monitor = await openMonitor({
      tool: "fouet",
      host,
      version,
      address: settings.http,
      access: accessOf(settings),
      sources: { ledger, spool: delivery.spool, listens: true },
      report: (level, message) => logger[level]({}, message),
    });
    logger.info({ broker: delivery.transport.name }, "listening to supervisord");
    const source = listen({
      settings,
      events,
      host,
      store,
      input,
      output,
      parentPid,
      environment,
      signal,
      log: logger,
      observe: ledger.observeListener,
    });
    return farewell(await delivery.ship(source, { signal }), logger);
  });

function refuseStdout(transport: string): void {
  if (transport !== "stdout") return;
  const message = "transport = stdout: Fouet's standard output belongs to supervisord: set redis or rabbitmq";
  throw new MoustashError("configuration", exitCodes.configuration, message);
}
