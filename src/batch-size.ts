// How many events one send carries: on a slow link a large batch never ends in time, and begins anew for ever.
//
// A quarter after each failure, for each costs its whole time; twice as many after what took less than a quarter of it.

export interface BatchSize {
  readonly now: number;
  /** After a send that failed. */
  shrink(): void;
  /** After a send that took `tookMs` of the `mostMs` that it had. */
  grow(tookMs: number, mostMs: number): void;
}

export function createBatchSize(most: number): BatchSize {
  let now = most;
  return {
    get now() {
      return now;
    },
    shrink() {
      now = Math.max(1, Math.floor(now / 4));
    },
    grow(tookMs, mostMs) {
      if (tookMs < mostMs / 4) now = Math.min(most, now * 2);
    },
  };
}
