// The simplest source: one event, in one batch.
import type { Batch, Envelope, Receipt } from "../envelope.ts";

/** Told of each batch that is safe. */
export type Heard = (events: readonly Envelope[], receipt: Receipt) => void;

export async function* sayOnce(event: Envelope, heard: Heard): AsyncGenerator<Batch, void, undefined> {
  yield toBatch([event], heard);
}

export function toBatch(events: readonly Envelope[], heard: Heard): Batch {
  return { events, accepted: (receipt) => heard(events, receipt) };
}
