// What people believe of a target: whether they have heard that it is not well, what they missed since, and when they
// are to be reminded.
// Spans are monotonic, so that setting the clock neither wakes nor silences anybody; only between two lives the clock
// is what there is.

/** What they heard last, where that is that it is not well; nothing where they hold it to be well. */
export interface Told {
  /** Milliseconds since the epoch. */
  readonly toldMs?: number;
  /** The episode that they heard of. */
  readonly toldEpisode?: string;
}

export interface Hearing {
  readonly told: Told;
  /** They hear now that it is not well. */
  tell(atMs: number, episode: string | undefined): void;
  /** They hear now that it is over, or are not to hear it at all. */
  forget(): void;
  /** It changed, and they do not hear it now. */
  miss(): void;
  /** Whether they heard that it is not well: once it is up, that is owed to them. */
  isTold(): boolean;
  /** Whether they do not know that it is in the state that it is in, where that is not up. */
  isBehind(): boolean;
  /** Whether it has to be said (again): they are behind, or it is time for a reminder. */
  isDue(): boolean;
}

export interface HearingOptions {
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly remindMs: number | undefined;
  /** As an earlier life remembers it, with when the state began; and what the clock says now. */
  readonly memory: (Told & { readonly sinceMs: number }) | undefined;
  readonly nowMs: number;
}

export function createHearing({ monotonic, remindMs, memory, nowMs }: HearingOptions): Hearing {
  const { toldMs = 0, sinceMs = 0 } = memory ?? {};
  let told: Told = memory?.toldMs === undefined ? {} : heard(memory.toldMs, memory.toldEpisode);
  let missed = toldMs < sinceMs;
  // A clock that was set in between must not keep reminders away for years.
  let momentMs = monotonic() - Math.min(Math.max(nowMs - toldMs, 0), remindMs ?? 0);
  const isTold = () => told.toldMs !== undefined;
  const isBehind = () => missed || !isTold();
  return {
    get told() {
      return told;
    },
    tell(atMs, episode) {
      told = heard(atMs, episode);
      missed = false;
      momentMs = monotonic();
    },
    forget() {
      told = {};
      missed = false;
    },
    miss() {
      missed = true;
    },
    isTold,
    isBehind,
    isDue: () => isBehind() || (remindMs !== undefined && monotonic() - momentMs >= remindMs),
  };
}

function heard(toldMs: number, toldEpisode: string | undefined): Told {
  return { toldMs, ...(toldEpisode === undefined ? undefined : { toldEpisode }) };
}
