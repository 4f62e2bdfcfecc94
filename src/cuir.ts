// Cuir: probes ports and reports what changed.
import { command, cuir, whenBroken } from "./commands/cuir.ts";
import { hashOf, listOf, watchConfig } from "./commands/reload.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { createLedger } from "./monitor/ledger.ts";
import { openMonitor } from "./monitor/monitor.ts";
import { accessOf } from "./monitor/settings.ts";
import { configureTargets } from "./probe/configure.ts";
import { watch } from "./probe/watch.ts";
import { run } from "./run.ts";
import type { Observations } from "./ship.ts";
import { isInContainer } from "./transport/container.ts";
import { version } from "./version.ts";

export const main = () =>
  run({ ...cuir, whenBroken }, async (shell) => {
    const done = await command(shell);
    if (done !== undefined) return done;
    const { config, logger, signal, reload, subscribe } = shell;
    const { Moustash: values, Cuir: settings } = config.values;
    const reread = async () => (await reload()).values.Moustash;
    const ledger = createLedger();
    const observe: Partial<Observations> = {
      ...ledger.observe,
      refused(repeats) {
        ledger.observe.refused?.(repeats);
        source.refused(repeats.map(({ route }) => route.program));
      },
      delivered(count, sent) {
        ledger.observe.delivered?.(count, sent);
        source.roomAgain();
      },
    };
    await using delivery = openDelivery({ tool: "cuir", values, logger, reread, observe });
    const { host, events, store } = delivery;
    const targets = configureTargets({ ...config, settings, host });
    const source = watch({
      targets,
      settings,
      host,
      events,
      store,
      signal,
      inContainer: isInContainer(),
      hash: hashOf(config),
      list: listOf(config),
      probed: ledger.probed,
      observe: (seen) => logger[seen.level]({ ...seen.fields }, seen.message),
    });
    await using monitor = await openMonitor({
      tool: "cuir",
      host,
      version,
      address: settings.http,
      access: accessOf(settings),
      sources: {
        ledger,
        spool: delivery.spool,
        targets: () => source.snapshot(),
        missed: () => source.life().missed,
      },
      report: (level, message) => logger[level]({}, message),
    });
    using _config = watchConfig({
      config,
      reload,
      subscribe,
      logger,
      async apply(next, hash) {
        const { Cuir: settings } = next.values;
        const place = { address: settings.http, access: accessOf(settings) };
        const targets = configureTargets({ ...next, settings, host });
        source.replace({ targets, settings, hash, list: listOf(next) });
        ledger.listed();
        return (await monitor.move(place)) ? [] : ["[Cuir] http"];
      },
    });
    logger.info({ targets: targets.length, broker: delivery.transport.name }, "probing");
    return farewell(await delivery.ship(source, { signal }), logger);
  });
