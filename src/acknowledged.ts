// Events that the broker acknowledged in a send that failed further on: the next send leaves them out.
//
// Without that, a broker that takes only a few events at a time (a full queue with a slow reader) would be given the
// first ones of a batch again and again, and those behind them never.
import type { Envelope } from "./envelope.ts";

export interface Acknowledged {
  /** Those that are still to be sent. */
  without(envelopes: readonly Envelope[]): readonly Envelope[];
  /** After a send that failed. */
  add(envelopes: Iterable<Envelope>): void;
  /** After a send that succeeded: these are done with. Others may still come, in smaller batches. */
  forget(envelopes: Iterable<Envelope>): void;
}

/** Several of the largest batches: what never comes again, as another process sent it, must not add up. */
const mostKept = 10_000;

export function createAcknowledged(): Acknowledged {
  const there = new Set<string>();
  const nameOf = ({ run, seq }: Envelope) => `${run} ${seq}`;
  return {
    without: (envelopes) =>
      there.size === 0 ? envelopes : envelopes.filter((envelope) => !there.has(nameOf(envelope))),
    add(envelopes) {
      for (const envelope of envelopes) there.add(nameOf(envelope));
      for (const oldest of there) {
        if (there.size <= mostKept) break;
        there.delete(oldest);
      }
    },
    forget(envelopes) {
      if (there.size > 0) for (const envelope of envelopes) there.delete(nameOf(envelope));
    },
  };
}
