// Waiting with an end: for a promise, or for a bell, no longer than a given time.

export type Outcome<T> =
  | { readonly is: "resolved"; readonly value: T }
  | { readonly is: "rejected"; readonly error: unknown }
  | { readonly is: "late" };

/** What became of a promise within the time; never rejects. Infinity waits for ever. */
export function within<T>(promise: Promise<T>, ms: number): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const timer = ms === Infinity ? undefined : setTimeout(() => resolve({ is: "late" }), ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve({ is: "resolved", value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        resolve({ is: "rejected", error });
      },
    );
  });
}

export interface Bell {
  ring(): void;
  /** Until the bell rings (or has rung since the last wait), the time is over or the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** For one waiter at a time; holds nothing when the wait is over, however often it is waited. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    wait(ms, signal) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          wake = undefined;
          rung = false;
          resolve();
        };
        const timer = ms === Infinity ? undefined : setTimeout(done, ms);
        if (rung || signal.aborted) return done();
        wake = done;
        signal.addEventListener("abort", done, { once: true });
      });
    },
  };
}
