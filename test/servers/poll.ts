// Waits for a condition with a deadline, never for a fixed time.
import { setTimeout as sleep } from "node:timers/promises";

export interface PollOptions {
  /** Completes "waited 20 s for …". */
  readonly what: string;
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/** The first value that is neither false nor undefined; what `check` throws ends the wait. */
export async function poll<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { what, withinMs = 30_000, everyMs = 20 }: PollOptions,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await sleep(everyMs);
  }
}
