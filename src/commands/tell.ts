// Tells of a wrapped command while it runs and when it has ended: on the broker, or on disk.
import { type Delivery, openDelivery } from "../delivery.ts";
import type { Batch, Source } from "../envelope.ts";
import type { RunningCommand } from "../message/command.ts";
import { createTally, toJsonLine, toNotes } from "../message/outcome.ts";
import { type Remembering, type Rule, openMemory } from "../message/remember.ts";
import { sayRun } from "../message/run.ts";
import type { Wording } from "../message/wording.ts";
import type { Observations } from "../ship.ts";
import { within } from "../waiting.ts";
import type { PanpanShell } from "./panpan.ts";
import { waitingOf } from "./flush.ts";
import { isTerminal } from "./print.ts";
import { endsWell, eventsOf } from "./saying.ts";

/** How long a broker that is slow is waited for when the command has ended: with its events on disk, and without. */
const lingerMs = { durable: 250, memory: 1000 };

export interface Told {
  readonly command: readonly [string, ...string[]];
  readonly running: RunningCommand;
  readonly wording: (host: string) => Wording;
  readonly oneShot: boolean;
}

/** `oneShot`: the command has ended already, and there is nothing that a slow disk could hold up. */
export async function tell(shell: PanpanShell, { command, running, wording, oneShot }: Told): Promise<void> {
  const { config, logger } = shell;
  const { Moustash, Panpan } = config.values;
  const startedMs = performance.now();
  const tally = createTally();
  let trouble = "the broker does not answer";
  let noDisk = "there is no disk to spool on";
  const observe: Partial<Observations> = {
    delivered: (_count, sent) => tally.delivered(sent),
    rejected: ({ run }) => void (run === events.run && tally.rejected()),
    brokerAway: (error) => (trouble = error.message),
    spoolTrouble: (error) => (noDisk = error.message),
  };
  // While a command runs its terminal is its own; what became of the events is said at the end.
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const delivery = openDelivery({ tool: "panpan", values: Moustash, logger: silent, oneShot, observe });
  const events = eventsOf(shell, delivery.host);
  const words = wording(delivery.host);
  const name = Panpan.message ?? words.program;
  const { rule, remembering } = await remember(shell, delivery, words);
  let failure: unknown;
  const source = endsWell(
    sayRun({
      running,
      run: { wording: words, name, command, mask: Panpan.mask, runId: events.run },
      events,
      rule,
      start: Panpan.start,
      everyMs: Panpan.every,
      remembering,
      heard: tally.heard,
    }),
    (error) => (failure = error),
  );
  const { durable } = delivery.spool;
  const open = keepOpen(source.batches);
  const end = new AbortController();
  void running.ended.then(() => end.abort());
  const shipping = delivery.ship(open.batches, {
    signal: end.signal,
    run: events.run,
    drainTimeoutMs: lingerMs.memory,
    ...(oneShot && { sendTimeoutMs: lingerMs.memory }),
  });
  const lingering = source.over.then(() => within(shipping, durable ? lingerMs.durable : lingerMs.memory));
  const shipped = await Promise.race([within(shipping, Infinity), lingering]);
  if (shipped.is === "rejected") {
    trouble = (shipped.error as Error).message;
    if (durable) await open.spoolRest(delivery);
  }
  const counts = tally.counts();
  const waiting = await waitingOf(delivery, { run: events.run, spooled: counts.spool, shipped });
  if (shipped.is === "resolved") await delivery[Symbol.asyncDispose]();
  if (failure !== undefined) throw failure;
  if (open.count() > 0) logger.warn({}, `${name} is not told of: ${trouble}; ${noDisk}`);
  if (Panpan.json_output) {
    const { exitCode } = await running.ended;
    const ms = performance.now() - startedMs;
    process.stderr.write(toJsonLine({ ...counts, run: events.run, ms, exitCode, waiting }));
  } else if (!Panpan.quiet) {
    for (const note of toNotes({ ...counts, waiting }, { isTerminal })) logger.warn({}, note);
  }
}

/** Knows which batches are not accepted yet, so that none is lost where shipping breaks off. */
function keepOpen(source: AsyncGenerator<Batch, void, undefined>) {
  const waiting = new Set<Batch>();
  async function* batches(): Source {
    for await (const batch of source) {
      const known: Batch = {
        events: batch.events,
        async accepted(receipt) {
          await batch.accepted(receipt);
          waiting.delete(known);
        },
      };
      waiting.add(known);
      yield known;
    }
  }
  const kept = batches();
  return {
    batches: kept,
    count: () => waiting.size,
    /** To the command's end, whatever the broker is: for a configuration that will never do. */
    async spoolRest({ spool }: Delivery) {
      // Its batches are in `waiting`, each before it is handed over.
      for await (const _ of kept);
      for (const batch of waiting) {
        const { refused } = await spool.add(batch.events);
        if (refused.length === 0) await batch.accepted({ at: "spool" });
      }
    },
  };
}

async function remember(
  { config, logger }: PanpanShell,
  { store }: Delivery,
  { program, source }: Wording,
): Promise<{ rule: Rule; remembering: Remembering }> {
  const { on, after } = config.values.Panpan;
  const remembering = await openMemory(store, { program, source });
  if (store.durable || (on !== "change" && after === 1)) return { rule: { on, after }, remembering };
  logger.warn(
    {},
    `--on ${on} --after ${after} needs a disk to remember the last run on (see spool): each failure is told`,
  );
  return { rule: { on: on === "always" ? on : "fail", after: 1 }, remembering };
}
