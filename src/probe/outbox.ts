// What waits to be sent while delivery is busy: bounded, and what does not fit is counted.
// Invariants: while delivery is alive every change flows; while it stands still a target keeps its latest change alone.
import type { Draft } from "../event.ts";
import type { Memory } from "./memory.ts";

export interface Item {
  /** The target's key. */
  readonly key: string;
  readonly program: string;
  readonly draft: Draft;
  /** What is remembered of the target once this is on its way. */
  readonly memory?: Memory;
  /** Changes before it that were never sent, since delivery stood still. */
  readonly replaced?: number;
}

/** So many repeats are company enough. */
const mostPatient = 200;

/** Delivery that keeps a change waiting for so long stands still. */
const standstillMs = 1000;

export interface Outbox {
  put(item: Item): void;
  /** Everything that waits, up to a bound, in order; what was refused since the last call is counted by program. */
  take(most: number): { readonly items: readonly Item[]; readonly refused: ReadonlyMap<string, number> };
  /** Counts a repeat for which delivery had no room; told with `take` once `roomAgain` was called. */
  refuse(program: string): void;
  roomAgain(): void;
  /** Items, and one for refusals that can be told. */
  readonly size: number;
  /** Whether all that waits are a few repeats: they may wait for more, and share one write. */
  readonly patient: boolean;
}

export interface OutboxOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly mostRepeats: number;
  /** Called when something waits. */
  readonly wake: () => void;
}

export function createOutbox({ now, mostRepeats, wake }: OutboxOptions): Outbox {
  const waiting = new Set<Item>();
  const changes = new Map<string, { sinceMs: number; items: Item[] }>();
  let refused = new Map<string, number>();
  /** Refused by delivery: told when it delivers again, for telling needs room, too. */
  const untold = new Map<string, number>();
  const count = (counts: Map<string, number>, program: string, more = 1) =>
    counts.set(program, (counts.get(program) ?? 0) + more);
  let repeats = 0;

  function putChange(item: Item) {
    const before = changes.get(item.key);
    if (before === undefined) changes.set(item.key, { sinceMs: now(), items: [item] });
    else if (now() - before.sinceMs <= standstillMs) before.items.push(item);
    else {
      const replaced = before.items.reduce((sum, old) => sum + 1 + (old.replaced ?? 0), 0);
      for (const old of before.items) waiting.delete(old);
      const latest = { ...item, replaced };
      before.items = [latest];
      return latest;
    }
    return item;
  }

  return {
    put(item) {
      if (item.draft.class === "repeat") {
        if (repeats >= mostRepeats) {
          count(refused, item.program);
          return;
        }
        repeats += 1;
        waiting.add(item);
      } else waiting.add(putChange(item));
      wake();
    },
    take(most) {
      const items = [...waiting].slice(0, most);
      for (const item of items) {
        waiting.delete(item);
        if (item.draft.class === "repeat") repeats -= 1;
        else changes.delete(item.key);
      }
      const counts = refused;
      refused = new Map();
      return { items, refused: counts };
    },
    refuse: (program) => void count(untold, program),
    roomAgain() {
      if (untold.size === 0) return;
      for (const [program, more] of untold) count(refused, program, more);
      untold.clear();
      wake();
    },
    get size() {
      return waiting.size + Math.min(1, refused.size);
    },
    get patient() {
      return repeats === waiting.size && repeats < mostPatient;
    },
  };
}
