// Waiting with an end: for a promise, or for a bell, no longer than a given time.

/** A timer of Node's holds no more; told more, it rings at once. */
export const mostTimerMs = 2 ** 31 - 1;

/** Rings once, after any time, however long. Returns what stops it. */
export function ringAfter(ms: number, ring: () => void): () => void {
  let leftMs = ms;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const nextMs = Math.min(leftMs, mostTimerMs);
    leftMs -= nextMs;
    timer = setTimeout(leftMs > 0 ? arm : ring, nextMs);
  };
  arm();
  return () => clearTimeout(timer);
}

/** One timer that is set and stopped over and over: a new one for each wait would cost more than most waits. */
export interface Alarm {
  /** Rings once, after so long, unless it is set again or stopped. */
  set(ms: number, ring: () => void): void;
  /** Nothing happens where it was set for somebody else meanwhile. */
  stop(ring: () => void): void;
}

export function createAlarm(): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let timerMs = 0;
  let ring: (() => void) | undefined;
  const fire = () => {
    const rings = ring;
    ring = undefined;
    rings?.();
  };
  return {
    set(ms, rings) {
      ring = rings;
      if (timer !== undefined && timerMs === ms) return void timer.refresh().ref();
      clearTimeout(timer);
      timerMs = ms;
      timer = setTimeout(fire, ms);
    },
    // It runs on to its end, for nothing, and holds no process open.
    stop(rings) {
      if (ring !== rings) return;
      ring = undefined;
      timer?.unref();
    },
  };
}

export type Outcome<T> =
  | { readonly is: "resolved"; readonly value: T }
  | { readonly is: "rejected"; readonly error: unknown }
  | { readonly is: "late" };

/** What became of a promise within the time; never rejects. Infinity waits for ever. One wait at a time for an alarm. */
export function within<T>(
  promise: Promise<T>,
  ms: number,
  alarm: Alarm = createAlarm(),
): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const late = () => resolve({ is: "late" });
    if (ms !== Infinity) alarm.set(ms, late);
    promise.then(
      (value) => {
        alarm.stop(late);
        resolve({ is: "resolved", value });
      },
      (error: unknown) => {
        alarm.stop(late);
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
