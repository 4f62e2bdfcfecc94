// Delays between tries: exponential with full jitter, so that a herd of clients spreads. Pure but for the dice.
// Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

export interface Backoff {
  /** Milliseconds to wait before the next try; grows with each call. */
  next(): number;
  /** Call after a success. */
  reset(): void;
}

export function createBackoff({ firstMs = 100, mostMs = 10_000, random = Math.random } = {}): Backoff {
  let ceilingMs = firstMs;
  return {
    next() {
      const delayMs = ceilingMs / 2 + (random() * ceilingMs) / 2;
      ceilingMs = Math.min(ceilingMs * 2, mostMs);
      return delayMs;
    },
    reset() {
      ceilingMs = firstMs;
    },
  };
}
