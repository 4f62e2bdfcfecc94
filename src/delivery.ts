// What every tool ships with: its events, its memory, the spool and the transport, as [Moustash] says.
import { hostname } from "node:os";
import type { sharedSettings } from "./config/settings.ts";
import type { Source } from "./envelope.ts";
import { type ExitCode, exitCodes } from "./errors.ts";
import { type Events, createEvents } from "./event.ts";
import type { Logger } from "./logger.ts";
import type { Values } from "./setting.ts";
import { createDrainBatchSize, type Observations, type ShipOptions, type Shipped, ship } from "./ship.ts";
import { openDiskThread } from "./disk.ts";
import { openSpool } from "./spool/open.ts";
import type { spoolSettings } from "./spool/settings.ts";
import type { Spool } from "./spool/spool.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { connectTransport } from "./transport/connect.ts";
import type { transportSettings } from "./transport/settings.ts";
import type { Transport } from "./transport/transport.ts";
import { version } from "./version.ts";

export type MoustashValues = Values<typeof sharedSettings & typeof spoolSettings & typeof transportSettings>;

export interface DeliveryOptions {
  readonly tool: string;
  readonly values: MoustashValues;
  readonly logger: Logger;
  /** The settings as they read now, for secrets that were rotated. */
  readonly reread?: () => Promise<MoustashValues>;
  readonly oneShot?: boolean;
  /** What the store's changes outlive: a power cut unless told. */
  readonly storeOutlives?: "power cut" | "process";
  /** See the store's own. */
  readonly successive?: string | undefined;
  readonly observe?: Partial<Observations>;
}

export interface Delivery extends AsyncDisposable {
  readonly host: string;
  readonly events: Events;
  readonly store: Store;
  readonly spool: Spool;
  readonly transport: Transport;
  /** Ships a source to its end. */
  ship(from: Source, options: Pick<ShipOptions, "signal"> & Partial<ShipOptions>): Promise<Shipped>;
}

/** A broker that has not answered after this is taken for dead; what it was sent is safe in the spool meanwhile. */
const sendTimeoutMs = 5000;

export function openDelivery(options: DeliveryOptions): Delivery {
  const { tool, values, logger, oneShot = false, reread, observe = {} } = options;
  const host = values.host ?? hostOfMachine(logger);
  const events = createEvents({ tool, host, version, format: values.format, labels: values.labels });
  const report = (message: string) => logger.warn({}, message);
  // A one-shot has no loop that a slow disk could stop, and starts sooner without a thread.
  const thread = oneShot || values.spool === undefined ? undefined : openDiskThread();
  const spool = openSpool({ directory: values.spool, mostBytes: values.spool_max_bytes, thread, report });
  const store = openStore({
    directory: spool.durable ? values.spool : undefined,
    thread,
    report,
    outlives: options.storeOutlives,
    successive: options.successive,
  });
  const transport = connectTransport(values, reread ? { reread: orAsBefore(reread, values, report) } : {});
  const batchSize = createDrainBatchSize();
  return {
    host,
    events,
    store,
    spool,
    transport,
    ship: (from, more) =>
      ship({
        from,
        to: transport,
        spool,
        run: events.run,
        acceptWithinMs: values.accept_within,
        sendTimeoutMs,
        drainTimeoutMs: values.drain_timeout,
        oneShot,
        batchSize,
        ...more,
        observe: both(
          oneShot
            ? logRejected(logger, spool.durable)
            : logObservations(logger, transport.name, spool.durable),
          observe,
        ),
      }),
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await thread?.[Symbol.asyncDispose]();
    },
  };
}

/** What was read last, where the configuration is wrong now: an edit that is refused stops no delivery. */
function orAsBefore(
  reread: () => Promise<MoustashValues>,
  first: MoustashValues,
  report: (message: string) => void,
): () => Promise<MoustashValues> {
  let last = first;
  let refused = false;
  return async () => {
    try {
      last = await reread();
      refused = false;
    } catch (error) {
      if (!refused)
        report(`the broker is given the user and password of before: ${(error as Error).message}`);
      refused = true;
    }
    return last;
  };
}

function hostOfMachine(logger: Logger): string {
  const name = hostname();
  if (/^[0-9a-f]{12}$/.test(name)) {
    logger.warn(
      { host: name },
      `the host ${name} looks like a container's random id: set MOUSTASH_HOST, or run with --hostname`,
    );
  }
  return name;
}

/** What a daemon says at its end, and its exit code. */
export function farewell({ unaccepted, pending }: Shipped, logger: Logger): ExitCode {
  if (unaccepted > 0) {
    logger.error(
      { events: unaccepted },
      `${unaccepted} events are lost: the broker is away, and there is no disk to spool on`,
    );
    return exitCodes.unavailable;
  }
  logger.info(
    {},
    pending ? "ended; events wait on disk for the next start" : "ended; all of this run is delivered",
  );
  return exitCodes.ok;
}

/** One line for each beginning and each end of a trouble. */
function logObservations(logger: Logger, broker: string, durable: boolean): Partial<Observations> {
  let refused = 0;
  return {
    brokerAway: (error) => {
      const level = error.code === "unavailable" ? "warn" : "error";
      logger[level]({ broker, code: error.code }, `${error.message}; events wait, tries go on`);
    },
    brokerBack: () => logger.info({ broker }, "the broker answers again"),
    spoolTrouble: (error) => logger.error({ code: error.code }, error.message),
    spoolWell: () => {
      logger.info({ refused }, "the spool takes events again");
      refused = 0;
    },
    refused: (repeats) => {
      if (refused === 0)
        logger.warn({}, "the spool is filling up: repeats are refused, changes are still taken");
      refused += repeats.length;
    },
    ...logRejected(logger, durable),
  };
}

/** All that a one-shot says on the way: how it ends tells the rest. */
function logRejected(logger: Logger, durable: boolean): Partial<Observations> {
  const place = durable
    ? "the event is in the reject file (panpan --flush --rejected sends it again)"
    : "the event is lost, for there is no disk to put it aside on";
  return { rejected: ({ id }, reason) => logger.error({ id }, `${reason}; ${place}`) };
}

/** Every observer of the second set hears what the first heard. */
function both(first: Partial<Observations>, second: Partial<Observations>): Partial<Observations> {
  const names = new Set([...Object.keys(first), ...Object.keys(second)]) as Set<keyof Observations>;
  const entries = [...names].map((name) => [
    name,
    (...args: unknown[]) => {
      (first[name] as ((...args: unknown[]) => void) | undefined)?.(...args);
      (second[name] as ((...args: unknown[]) => void) | undefined)?.(...args);
    },
  ]);
  return Object.fromEntries(entries) as Partial<Observations>;
}
