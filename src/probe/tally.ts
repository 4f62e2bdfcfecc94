// Counts of one target between two summaries: probes, losses, and the middle and the tail of their times.
// Invariant: what was our own trouble is not counted, neither as a probe nor as a loss.
import type { Verdict } from "./cause.ts";

export interface Summary {
  readonly count: number;
  readonly lost: number;
  readonly loss_percent: number;
  readonly min_ms?: number;
  readonly p50_ms?: number;
  readonly p99_ms?: number;
  readonly max_ms?: number;
}

export interface Tally {
  add(verdict: Verdict, ms: number): void;
  /** And begins anew. */
  take(): Summary;
}

/** Beyond so many they are a sample in which each has the same chance to be (Vitter's algorithm R). */
const mostKept = 4096;

export function createTally(): Tally {
  let count = 0;
  let lost = 0;
  let least = Infinity;
  let most = 0;
  let kept: number[] = [];

  function keep(ms: number) {
    const place = kept.length < mostKept ? kept.length : Math.floor(Math.random() * (count - lost));
    if (place < mostKept) kept[place] = ms;
    least = Math.min(least, ms);
    most = Math.max(most, ms);
  }

  return {
    add(verdict, ms) {
      if (verdict === "unknown") return;
      count += 1;
      if (verdict === "down") lost += 1;
      else keep(ms);
    },
    take() {
      const sorted = kept.toSorted((a, b) => a - b);
      const summary = {
        count,
        lost,
        loss_percent: count === 0 ? 0 : Math.round((lost / count) * 10_000) / 100,
        ...(sorted.length === 0
          ? undefined
          : {
              min_ms: round(least),
              p50_ms: quantile(sorted, 0.5),
              p99_ms: quantile(sorted, 0.99),
              max_ms: round(most),
            }),
      };
      [count, lost, least, most, kept] = [0, 0, Infinity, 0, []];
      return summary;
    },
  };
}

/** Of a sorted list that is not empty; the nearest rank. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  return round(sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))]!);
}

const round = (ms: number) => Math.round(ms * 1000) / 1000;
