// The last outcomes of one target, in a ring that is made once.
import type { Cause } from "./cause.ts";
import type { Outcome } from "./outcome.ts";

const length = 8;

export interface History {
  add(atMs: number, outcome: Outcome, totalMs: number): void;
  /** Oldest first: `2026-11-22T13:37:20.581Z refused 0.4 ms`. */
  tell(): readonly string[];
}

export function createHistory(): History {
  const times = new Float64Array(length);
  const spans = new Float64Array(length);
  const words: (Cause | "up")[] = [];
  let count = 0;
  return {
    add(atMs, outcome, totalMs) {
      const place = count % length;
      times[place] = atMs;
      spans[place] = totalMs;
      words[place] = outcome.cause ?? "up";
      count += 1;
    },
    tell() {
      const first = Math.max(0, count - length);
      return Array.from({ length: count - first }, (_, index) => {
        const place = (first + index) % length;
        return `${new Date(times[place]!).toISOString()} ${words[place]} ${spans[place]!.toFixed(1)} ms`;
      });
    },
  };
}
