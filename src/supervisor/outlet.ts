// Where all that Fouet has to say flows together: notifications, what was lost, late evidence, digests → one Source.
//
// Invariants:
// - Events are made (and numbered) when they are handed out, in the order of put().
// - accepted() of an item is called once its events are safe, never before.
import type { Batch, Source } from "../envelope.ts";
import type { Draft, Events } from "../event.ts";

export interface Item {
  readonly drafts: readonly Draft[];
  accepted?(): void | Promise<void>;
}

export interface Outlet {
  put(item: Item): void;
  /** No more comes: what was put is handed out, then the source ends, with `error` where one is given. */
  end(error?: unknown): void;
  /** Iterated once. */
  readonly source: Source;
  readonly waiting: number;
}

/** A batch must stay a bite: one RPUSH. */
const mostItems = 256;

export function createOutlet(events: Events): Outlet {
  let items: Item[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let wake = () => {};

  async function* batches(): AsyncGenerator<Batch> {
    for (;;) {
      const batch = items.length > mostItems ? items.slice(0, mostItems) : items;
      items = batch === items ? [] : items.slice(mostItems);
      if (batch.length > 0) {
        const made = [];
        for (const { drafts } of batch) for (const draft of drafts) made.push(events.create(draft));
        yield {
          events: made,
          async accepted() {
            for (const item of batch) await item.accepted?.();
          },
        };
      } else if (ended) {
        if (ended.error !== undefined) throw ended.error;
        return;
      } else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    put(item) {
      if (ended) return;
      items.push(item);
      wake();
    },
    end(error) {
      ended ??= error === undefined ? {} : { error };
      wake();
    },
    source: batches(),
    get waiting() {
      return items.length;
    },
  };
}
