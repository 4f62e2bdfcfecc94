// The pipeline: batches go from a source to the transport; what the broker does not acknowledge in time goes to the
// spool, and the spool is drained when the broker is back.
//
// Invariants (the contract, §4):
// - A batch is accepted once the broker has acknowledged all of it, or a durable spool has committed it; what a spool
//   that is not durable holds is accepted when it is delivered.
// - One send is under way at a time, whoever asked for it. A transport destroys a connection that failed or timed out
//   before it says so; only then is anything that it carried sent again. A send that outlives `acceptWithinMs` goes on
//   while its events are committed: acknowledged after all, their rows are removed unsent.
// - While rows of this run wait in the spool, new events queue behind them: the first copies of a run arrive in the
//   order of seq. Rows of other runs may be drained between two batches of this one.
// - Only the broker's acknowledgement or the reject file ends an accepted event.
import { createBackoff } from "./backoff.ts";
import { type BatchSize, createBatchSize } from "./batch-size.ts";
import type { Batch, Envelope, Receipt, Source } from "./envelope.ts";
import { type Spool, SpoolError } from "./spool/spool.ts";
import { createAcknowledged } from "./acknowledged.ts";
import { type Sent, type Transport, TransportError, type TransportErrorCode } from "./transport/transport.ts";
import { createAlarm, createBell, within } from "./waiting.ts";

/** What happened, for logs and metrics. Counts are events. */
export interface Observations {
  accepted(count: number, receipt: Receipt): void;
  delivered(count: number, sent: Sent): void;
  /** Repeats for which the spool has no room. */
  refused(repeats: readonly Envelope[]): void;
  /** What the broker refuses for good, now in the reject file. */
  rejected(envelope: Envelope, reason: string): void;
  /** Once, when the broker has answered for the first time. */
  brokerFound(): void;
  /** Once per outage and code, with the first error of that code; and once when the broker answers again. */
  brokerAway(error: TransportError): void;
  brokerBack(): void;
  /** Once per trouble of the spool; and once when it takes events again. */
  spoolTrouble(error: SpoolError): void;
  spoolWell(): void;
}

export interface ShipOptions {
  readonly from: Source;
  readonly to: Transport;
  readonly spool: Spool;
  /** The run of the source's events. */
  readonly run: string;
  /** Says that the source is ending: from now on `drainTimeoutMs` counts. */
  readonly signal: AbortSignal;
  /** How long the broker has before the spool takes the event. */
  readonly acceptWithinMs: number;
  /** How long one send may take before its connection is given up. */
  readonly sendTimeoutMs: number;
  /** How long to go on delivering when the source has ended. */
  readonly drainTimeoutMs: number;
  /** A one-shot throws where a daemon waits, and does not insist at the end. */
  readonly oneShot?: boolean;
  /** Of rows that are drained, where it is to outlive this call. */
  readonly batchSize?: BatchSize;
  readonly observe?: Partial<Observations>;
}

/** What was left at the end. */
export interface Shipped {
  /** Events that neither broker nor disk took: gone with this process, and never said to be accepted. */
  readonly unaccepted: number;
  /** Whether events of this run wait on disk for a later process. */
  readonly pending: boolean;
}

/** One command's worth: larger batches gain nothing. */
const drainBatch = { count: 1024, bytes: 4 * 2 ** 20 };
export const createDrainBatchSize = () => createBatchSize(drainBatch.count);
/** How often rows are looked for that other processes left, or are draining. */
const lookAgainMs = 1000;
/** For each row that is drained so many may be added: the spool runs empty, and then nothing needs it. */
const addedForEachDrained = 0.5;

export async function ship(options: ShipOptions): Promise<Shipped> {
  const { from, to, spool, run, signal, oneShot = false, observe = {} } = options;
  const { acceptWithinMs, sendTimeoutMs, drainTimeoutMs, batchSize = createDrainBatchSize() } = options;
  const over = new AbortController();
  const rowsAdded = createBell();
  const rowsRemoved = createBell();
  const held = holdUnsafe();
  const patience = createAlarm();
  const crash = createCrash();
  /** In batches whose rejected ones could not be put aside. */
  const acknowledged = createAcknowledged();
  let lane: Promise<unknown> = Promise.resolve();
  let ownRowsWait = false;
  let additions = 0;
  /** How many rows may be added, below nought where too many were; undefined while none are drained. */
  let room: number | undefined;
  let brokerIsFound = false;
  /** What was told of the outage: one that begins with a cut may turn out to be a password that was changed. */
  const awayFor = new Set<TransportErrorCode>();
  let spoolIsTroubled = false;
  let sourceEnded = false;
  let unaccepted = 0;

  /** One piece of work with the transport at a time, in the order of the calls. */
  function inLane<T>(work: () => Promise<T>): Promise<T> {
    const result = lane.then(work);
    lane = result.catch(() => undefined);
    return result;
  }

  async function send(envelopes: readonly Envelope[]): Promise<Sent> {
    try {
      const pending = acknowledged.without(envelopes);
      const sent = await to.send(pending, { timeoutMs: sendTimeoutMs });
      if (sent.rejected.length > 0) await putAside(sent, pending);
      acknowledged.forget(envelopes);
      if (!brokerIsFound) observe.brokerFound?.();
      brokerIsFound = true;
      if (awayFor.size > 0) observe.brokerBack?.();
      awayFor.clear();
      if (envelopes.length > 0) observe.delivered?.(envelopes.length - sent.rejected.length, sent);
      return sent;
    } catch (error) {
      if (error instanceof TransportError) {
        if (!awayFor.has(error.code)) observe.brokerAway?.(error);
        awayFor.add(error.code);
      }
      throw error;
    }
  }

  /** What the broker refuses for good, into the reject file. */
  async function putAside({ rejected }: Sent, sent: readonly Envelope[]): Promise<void> {
    let count = 0;
    try {
      for (const { envelope, reason } of rejected) {
        if (oneShot && !spool.durable)
          throw new TransportError("unavailable", `${reason}; and there is no disk to put it aside on`);
        await spool.reject(envelope, reason);
        observe.rejected?.(envelope, reason);
        count += 1;
      }
    } catch (error) {
      // The others are there: with the next try they would be there twice.
      const left = new Set(rejected.slice(count).map(({ envelope }) => envelope));
      acknowledged.add(sent.filter((envelope) => !left.has(envelope)));
      throw error;
    }
  }

  async function accept(batch: Batch, receipt: Receipt): Promise<void> {
    await batch.accepted(receipt);
    observe.accepted?.(batch.events.length, receipt);
  }

  function troubled(error: SpoolError): void {
    if (!spoolIsTroubled) observe.spoolTrouble?.(error);
    spoolIsTroubled = true;
  }

  /** Commits to the spool; what it did not take comes back with the reason. */
  async function store(events: readonly Envelope[]): Promise<NotStored> {
    try {
      const { refused } = await spool.add(events);
      if (refused.length < events.length) {
        additions += 1;
        if (room !== undefined) room = Math.max(room - events.length + refused.length, -drainBatch.count);
        ownRowsWait = true;
        rowsAdded.ring();
      }
      if (refused.length > 0) return { events: refused, error: spoolFull() };
      if (spoolIsTroubled) observe.spoolWell?.();
      spoolIsTroubled = false;
      return { events: [] };
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      return { events, error };
    }
  }

  /**
   * Waits until so many rows may be added, or none wait any more, as long as the drain goes on. Without that, one late
   * answer is enough for a source that is faster than the drain to need the spool for ever.
   */
  async function paced(count: number): Promise<void> {
    const mustWait = () => ownRowsWait && room !== undefined && room < Math.min(count, drainBatch.count);
    let roomSeen = room;
    let seenMs = performance.now();
    while (mustWait() && !over.signal.aborted) {
      if (room !== roomSeen) seenMs = performance.now();
      roomSeen = room;
      const leftMs = seenMs + acceptWithinMs - performance.now();
      if (leftMs <= 0) break;
      await rowsRemoved.wait(leftMs, over.signal);
    }
  }

  /** Brings one batch to safety; returns without its acceptance only when all is over. */
  async function take(batch: Batch): Promise<void> {
    const backoff = createBackoff({ mostMs: 2000 });
    let rest = batch.events;
    for (;;) {
      const attempt: Attempt = {};
      let sending: Promise<Sent | undefined> | undefined;
      if (ownRowsWait) await paced(rest.length);
      if (!ownRowsWait) {
        const events = rest;
        /** Whether the spool has taken any of them, once it has answered; undefined where it was not asked. */
        const stored = () => attempt.stored?.then(({ events: left }) => left.length < events.length);
        sending = inLane(async () => {
          // The lane was long: the spool has taken the batch, and the drainer will send it.
          const before = stored();
          if (before && (await before)) return undefined;
          attempt.sent = await send(events);
          // Committed meanwhile: acknowledged now, it must not be sent again.
          if (await stored()) {
            await spool.remove(events);
            await held.settle(events, receiptOf(attempt.sent));
          }
          return attempt.sent;
        });
        const mustWait = oneShot && !spool.durable;
        const outcome = await within(sending, mustWait ? Infinity : acceptWithinMs, patience);
        if (attempt.sent) return await accept(batch, receiptOf(attempt.sent));
        if (outcome.is === "rejected" && (mustWait || !isPassing(outcome.error))) throw outcome.error;
      }
      attempt.stored = store(rest);
      const { events: refused, error } = await attempt.stored;
      if (refused.length === 0) {
        if (spool.durable) return await accept(batch, { at: "spool" });
        return held.add(rest, (receipt) => accept(batch, receipt));
      }
      let refusal: unknown;
      const sent = (await sending?.catch((reason: unknown) => void (refusal = reason))) ?? attempt.sent;
      if (sent) return await accept(batch, receiptOf(sent));
      const repeats = refused.filter((envelope) => envelope.class === "repeat");
      rest = refused.filter((envelope) => envelope.class !== "repeat");
      if (repeats.length > 0) observe.refused?.(repeats);
      if (rest.length === 0) return await accept(batch, { at: "spool" });
      if (error) troubled(error);
      if (error && oneShot) throw withRefusal(error, refusal);
      if (over.signal.aborted) {
        unaccepted += rest.length;
        return;
      }
      await rowsRemoved.wait(backoff.next(), over.signal);
    }
  }

  /**
   * Sends rows, oldest first, until none is left. While the broker has one batch, the disk removes the one before and
   * reads the next.
   */
  async function drainAll(arrived: () => void): Promise<"empty" | "busy"> {
    // A spool that did not exist yet gives an empty drain: what it says is true of the time before, and the lane may
    // be long.
    let before = additions;
    const right = await spool.drain();
    if (!right) {
      before = additions;
      if ((await spool.waiting(run)) === 0 && additions === before) ownRowsWait = false;
      return "busy";
    }
    await using drain = right;
    let ahead: Promise<readonly Envelope[]> | undefined;
    let removing: Promise<void> | undefined;
    const nextRows = () => drain.next({ ...drainBatch, count: batchSize.now });
    const turn = async () => {
      const rows = await (ahead ?? nextRows());
      if (rows.length === 0) {
        await removing;
        // Only what is asked when nothing is under way says that nothing is left.
        const alone = ahead === undefined;
        if (alone && additions === before) ownRowsWait = false;
        rowsRemoved.ring();
        ahead = undefined;
        before = additions;
        return !alone;
      }
      const startedMs = performance.now();
      const sending = send(rows);
      ahead = nextRows();
      ahead.catch(() => {});
      const sent = await sending;
      batchSize.grow(performance.now() - startedMs, sendTimeoutMs);
      arrived();
      await removing;
      removing = remove(rows, sent);
      removing.catch(() => {});
      // Before others have the lane: what they send, and the disk takes meanwhile, is not among these.
      await ahead;
      return !over.signal.aborted;
    };
    const remove = async (rows: readonly Envelope[], sent: Sent) => {
      await drain.remove(rows);
      room = Math.min(drainBatch.count, (room ?? 0) + rows.length * addedForEachDrained);
      rowsRemoved.ring();
      await held.settle(rows, receiptOf(sent));
    };
    try {
      while (await inLane(turn));
    } finally {
      await removing;
    }
    return "empty";
  }

  async function drainer(): Promise<void> {
    const backoff = createBackoff();
    let noted: string | undefined;
    while (!over.signal.aborted) {
      let waitMs = spool.durable ? lookAgainMs : Infinity;
      try {
        const result = await drainAll(() => backoff.reset());
        backoff.reset();
        if (sourceEnded && (result === "busy" || !ownRowsWait)) return;
        if (result === "empty" && ownRowsWait) continue;
      } catch (error) {
        if (error instanceof SpoolError) troubled(error);
        else if (!(error instanceof TransportError)) throw error;
        else {
          batchSize.shrink();
          if (noted !== error.message) await spool.note((noted = error.message));
        }
        if (sourceEnded && (oneShot || spool.durable)) return;
        waitMs = backoff.next();
      }
      room = undefined;
      rowsRemoved.ring();
      await rowsAdded.wait(waitMs, over.signal);
    }
  }

  /** Says at once, and not at the first event, that the broker is away or will never do. */
  async function greet(): Promise<void> {
    const outcome = await within(
      inLane(() => send([])),
      Infinity,
    );
    if (outcome.is !== "rejected") return;
    const passing = outcome.error instanceof TransportError && outcome.error.code !== "misconfigured";
    if (!passing) throw outcome.error;
  }

  const greeting = oneShot ? undefined : greet().catch(crash.with);
  const draining = drainer().catch(crash.with);
  let deadline: NodeJS.Timeout | undefined;
  const startDeadline = () => (deadline ??= setTimeout(() => over.abort(), drainTimeoutMs));
  signal.addEventListener("abort", startDeadline, { once: true });
  const iterator = from[Symbol.asyncIterator]();
  try {
    let coming = iterator.next();
    for (let next = await crash.or(coming); !next.done; next = await crash.or(coming)) {
      const taking = take(next.value);
      // The next batch is made while this one is on its way; what goes wrong there is thrown in its turn.
      coming = iterator.next();
      coming.catch(() => {});
      await crash.or(taking);
    }
  } catch (error) {
    over.abort();
    throw error;
  } finally {
    sourceEnded = true;
    startDeadline();
    rowsAdded.ring();
    await draining;
    clearTimeout(deadline);
    signal.removeEventListener("abort", startDeadline);
    over.abort();
  }
  await greeting;
  await crash.or(Promise.resolve());
  return { unaccepted: unaccepted + held.count(), pending: spool.durable && ownRowsWait };
}

const isPassing = (error: unknown) => error instanceof TransportError || error instanceof SpoolError;

/** Neither took it: the broker's reason as well, which decides where it refuses us. */
function withRefusal(error: SpoolError, refusal: unknown): Error {
  if (!(refusal instanceof TransportError)) return error;
  const message = `${refusal.message}; and ${error.message}`;
  return refusal.code === "credentials"
    ? new TransportError("credentials", message, { cause: refusal })
    : new SpoolError(error.code, message, { cause: refusal, exitCode: error.exitCode });
}

interface NotStored {
  readonly events: readonly Envelope[];
  readonly error?: SpoolError;
}

interface Attempt {
  sent?: Sent;
  stored?: Promise<NotStored>;
}

const receiptOf = ({ listLength }: Sent): Receipt => ({
  at: "broker",
  ...(listLength === undefined ? undefined : { listLength }),
});

const spoolFull = () =>
  new SpoolError("spool_full", "the spool is full (raise spool_max_bytes, or bring the broker back)");

/** Batches in a spool that is not durable: accepted, in order, when the last of their events is delivered. */
function holdUnsafe() {
  const batches: { missing: Set<number>; accept: (receipt: Receipt) => Promise<void> }[] = [];
  return {
    add(events: readonly Envelope[], accept: (receipt: Receipt) => Promise<void>) {
      batches.push({ missing: new Set(events.map(({ seq }) => seq)), accept });
    },
    async settle(delivered: readonly Envelope[], receipt: Receipt) {
      for (const { seq } of delivered) batches.find(({ missing }) => missing.has(seq))?.missing.delete(seq);
      while (batches[0]?.missing.size === 0) await batches.shift()!.accept(receipt);
    },
    count: () => batches.reduce((count, { missing }) => count + missing.size, 0),
  };
}

/** Lets the main loop end by an error of what runs beside it. */
function createCrash() {
  let crashed: { error: unknown } | undefined;
  let rejectNow: ((error: unknown) => void) | undefined;
  return {
    with: (error: unknown): void => {
      crashed ??= { error };
      rejectNow?.(error);
    },
    /** The promise, or the crash where that comes first; holds nothing afterwards. */
    or<T>(promise: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        if (crashed) reject(crashed.error);
        rejectNow = reject;
        promise.then(resolve, reject);
      });
    },
  };
}
