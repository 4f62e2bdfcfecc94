// Whether people have heard that a target is not well, and when they are to be reminded.
// Spans are monotonic, so that setting the clock neither wakes nor silences anybody; only between two lives the clock
// is what there is.

export interface Hearing {
  /** When they heard it, milliseconds since the epoch; undefined where they did not. */
  readonly toldMs: number | undefined;
  /** They hear it now. */
  tell(atMs: number): void;
  /** It is over. */
  forget(): void;
  /** Whether it has to be said (again): they have not heard yet, or it is time for a reminder. */
  isDue(): boolean;
}

export interface HearingOptions {
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly remindMs: number | undefined;
  /** As an earlier life remembers it, and how long ago that was. */
  readonly toldMs: number | undefined;
  readonly agoMs: number;
}

export function createHearing({ monotonic, remindMs, toldMs: before, agoMs }: HearingOptions): Hearing {
  let toldMs = before;
  // A clock that was set in between must not keep reminders away for years.
  let momentMs = monotonic() - Math.min(Math.max(agoMs, 0), remindMs ?? 0);
  return {
    get toldMs() {
      return toldMs;
    },
    tell(atMs) {
      toldMs = atMs;
      momentMs = monotonic();
    },
    forget() {
      toldMs = undefined;
    },
    isDue: () => toldMs === undefined || (remindMs !== undefined && monotonic() - momentMs >= remindMs),
  };
}
