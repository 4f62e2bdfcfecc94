// What waits, made into batches: a change goes at once, repeats wait a moment for company, and what was remembered is
// written first.
// Invariant: a transition is remembered, with its id, before it is sent.
import type { Batch, Envelope } from "../envelope.ts";
import type { Draft, Events } from "../event.ts";
import type { Ledger } from "./ledger.ts";
import { refusal } from "./notices.ts";
import type { Item, Outbox } from "./outbox.ts";
import { type Alarms, createAlarm } from "./schedule.ts";

export interface DispatchOptions {
  readonly outbox: Outbox;
  readonly ledger: Ledger;
  readonly events: Events;
  readonly alarms: Alarms;
  /** Monotonic milliseconds, and those since the epoch. */
  readonly monotonic: () => number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface Dispatch {
  /** Something waits, or it is time to end. */
  wake(): void;
  /** Ends once the signal is given and nothing waits. */
  batches(): AsyncGenerator<Batch, void, undefined>;
}

const mostEventsPerBatch = 500;
/** A repeat waits so long for others; a change goes at once, and takes them along. */
const companyMs = 10;

export function createDispatch(options: DispatchOptions): Dispatch {
  const { outbox, ledger, events, alarms, monotonic, now, signal } = options;
  let wake = () => {};

  async function until(holds: () => boolean) {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }

  async function company() {
    let over = false;
    const alarm = createAlarm(() => {
      over = true;
      wake();
    });
    alarms.set(alarm, monotonic() + companyMs);
    await until(() => over || !outbox.patient || signal.aborted);
    alarms.clear(alarm);
  }

  return {
    wake: () => wake(),
    async *batches() {
      while (!signal.aborted || outbox.size > 0) {
        await until(() => outbox.size > 0 || signal.aborted);
        await company();
        const { items, refused } = outbox.take(mostEventsPerBatch);
        await ledger.sending(items);
        const made: Envelope[] = items.map((item) => events.create(complete(item)));
        if (refused.size > 0) made.push(events.create(refusal(refused, now())));
        if (made.length > 0) yield { events: made, accepted: () => ledger.accepted(items) };
      }
      await ledger.flush();
    },
  };
}

function complete({ draft: made, replaced }: Item): Draft {
  return replaced === undefined ? made : { ...made, details: { ...made.details, replaced } };
}
