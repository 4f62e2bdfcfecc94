// Fouet: listens to supervisord and reports every change of a process's state.
import { command, fouet, whenBroken } from "./commands/fouet.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { createLedger } from "./monitor/ledger.ts";
import { openMonitor } from "./monitor/monitor.ts";
import { accessOf } from "./monitor/settings.ts";
import { run } from "./run.ts";
import { findLife } from "./supervisor/life.ts";
import { listen } from "./supervisor/listener.ts";
import { version } from "./version.ts";

export const main = () =>
  run({ ...fouet, whenBroken }, async (shell) => {
    const done = await command(shell);
    if (done !== undefined) return done;
    const { config, logger, signal, reload, childEnvironment: environment } = shell;
    const { Moustash: values, Fouet: settings } = config.values;
    const { stdin: input, stdout: output, ppid: parentPid } = process;
    const reread = async () => (await reload()).values.Moustash;
    const ledger = createLedger();
    const life = settings.listen.length === 0 ? await findLife(parentPid) : undefined;
    // A child of supervisord's: it starts the next of this name when this one is gone, and nobody else does.
    const { SUPERVISOR_GROUP_NAME: pool, SUPERVISOR_PROCESS_NAME: name } = environment;
    await using delivery = openDelivery({
      tool: "fouet",
      values,
      logger,
      reread,
      observe: ledger.observe,
      // What is kept of each notification serves one life of supervisord, which no power cut outlives.
      storeOutlives: "process",
      successive: life && pool && name && `${life.id} ${pool}:${name}`,
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
      life,
      environment,
      signal,
      log: logger,
      observe: ledger.observeListener,
    });
    return farewell(await delivery.ship(source, { signal }), logger);
  });
