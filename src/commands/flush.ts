// Delivers what waits in the spool, PanPan's or another tool's.
import { type Delivery, openDelivery } from "../delivery.ts";
import type { Envelope, Source } from "../envelope.ts";
import { exitCodes } from "../errors.ts";
import { createBackoff } from "../backoff.ts";
import { replayRejected } from "../spool/rejected.ts";
import { SpoolError } from "../spool/spool.ts";
import type { Observations, Shipped } from "../ship.ts";
import type { Outcome } from "../waiting.ts";
import type { PanpanShell } from "./panpan.ts";
import { print } from "./print.ts";

const leastTryMs = 2000;
const nothing: Source = (async function* () {})();

/** Goes on until nothing (of the run) waits or the time is over; true where nothing does. */
export async function deliverRest(
  delivery: Delivery,
  { run, timeoutMs, signal }: { run?: string; timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  const backoff = createBackoff({ mostMs: 1000 });
  const waits = async () =>
    run === undefined ? (await delivery.spool.status()).count : await delivery.spool.waiting(run);
  while ((await waits()) > 0) {
    const leftMs = Math.round(deadlineMs - performance.now());
    if (leftMs <= 0 || signal.aborted) return false;
    await delivery.ship(nothing, {
      signal,
      // Time for smaller batches, where the link is too slow for a large one.
      sendTimeoutMs: Math.min(leftMs, Math.max(Math.round(leftMs / 2), leastTryMs)),
      drainTimeoutMs: leftMs,
      ...(run !== undefined && { run }),
    });
    if ((await waits()) === 0) return true;
    await new Promise((resolve) => void setTimeout(resolve, Math.min(backoff.next(), leftMs)));
  }
  return true;
}

/** How many of a run's accepted events are still only on disk; all that went there, where the disk does not say. */
export async function waitingOf(
  { spool }: Delivery,
  { run, spooled, shipped }: { run: string; spooled: number; shipped: Outcome<Shipped> },
): Promise<number> {
  if (spooled === 0 || (shipped.is === "resolved" && !shipped.value.pending)) return 0;
  return Math.min(spooled, await spool.waiting(run).catch(() => spooled));
}

/** `--flush`: 0 where nothing waits any more, 75 where something does, or the broker refused some for good. */
export async function flush({ config, line, logger, signal }: PanpanShell): Promise<number> {
  const { Moustash, Panpan } = config.values;
  const progress = createProgress(!Panpan.quiet && !Panpan.json_output && process.stderr.isTTY);
  let delivered = 0;
  let refused = 0;
  let away: string | undefined;
  const observe: Partial<Observations> = {
    delivered(count) {
      delivered += count;
      progress.show(delivered);
    },
    rejected: () => void (refused += 1),
    brokerAway: ({ message }) => void (away ??= message),
  };
  await using delivery = openDelivery({ tool: "panpan", values: Moustash, logger, oneShot: true, observe });
  const folder = line.options.rejected && delivery.spool.durable ? Moustash.spool : undefined;
  for (let over = false; !over;) {
    const more = folder !== undefined && (await replay(folder, delivery, logger));
    const before = (await delivery.spool.status()).count;
    if (more && before === 0)
      throw new SpoolError("spool_full", "the spool has no room for the rejected events");
    progress.start(delivered + before, delivered);
    // As long as some arrive, it goes on: the time is for a broker that takes none.
    for (let left = before; !(await deliverRest(delivery, { timeoutMs: Panpan.timeout, signal }));) {
      const { count } = await delivery.spool.status();
      if (count >= left || signal.aborted) break;
      left = count;
    }
    over = !more || signal.aborted || (await delivery.spool.status()).count > 0;
  }
  progress.show(delivered, "\n");
  const { count, rejected } = await delivery.spool.status();
  if (Panpan.json_output) await print(`${JSON.stringify({ delivered, waiting: count, rejected })}\n`);
  else if (!Panpan.quiet) await print(`${delivered} delivered, ${count} waiting, ${rejected} rejected\n`);
  if (count > 0 && away !== undefined) logger.warn({}, away);
  return count === 0 && refused === 0 ? exitCodes.ok : exitCodes.pending;
}

/** Moves what was rejected into the spool, as far as that has room; whether there is more. */
async function replay(folder: string, { spool }: Delivery, logger: PanpanShell["logger"]): Promise<boolean> {
  const add = async (envelopes: readonly Envelope[]) => (await spool.add(envelopes)).refused;
  const { unreadable, more } = await replayRejected(folder, add);
  if (unreadable > 0)
    logger.warn(
      {},
      `${unreadable} ${unreadable === 1 ? "line" : "lines"} of ${folder}/rejected.ndjson cannot be read, and ${unreadable === 1 ? "stays" : "stay"} there: mend or remove what is no JSON object of ours`,
    );
  return more;
}

/** A line on the terminal that counts up. */
function createProgress(shown: boolean) {
  let all = 0;
  const show = (delivered: number, end = "") => {
    if (shown && all > 0) process.stderr.write(`\r${delivered} of ${all} delivered${end}`);
  };
  return {
    start(count: number, delivered: number) {
      all = count;
      show(delivered);
    },
    show,
  };
}
