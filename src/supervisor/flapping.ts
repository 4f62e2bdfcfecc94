// Flapping: a process that gives people too much to read is told of in one digest each while, with counts. Pure.

export interface FlappingOptions {
  /** So many notices within `withinMs` make a process flapping; undefined: never. */
  readonly count: number | undefined;
  readonly withinMs: number;
}

export interface Digest {
  readonly process: string;
  readonly group: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Nothing more happened in the last while: it is over. */
  readonly over: boolean;
}

export interface Flapping {
  /** Whether people still hear of this one; a FATAL always passes. */
  passes(group: string, process: string, state: string, atMs: number): boolean;
  /** Digests that are due. */
  due(nowMs: number): readonly Digest[];
  /** When the next digest is due. */
  readonly nextMs: number | undefined;
}

interface Track {
  readonly group: string;
  readonly process: string;
  notices: number[];
  /** Set while it flaps: since the last digest. */
  since?: { sinceMs: number; counts: Map<string, number> };
}

export function watchFlapping({ count, withinMs }: FlappingOptions): Flapping {
  const tracks = new Map<string, Track>();

  return {
    passes(group, process, state, atMs) {
      if (count === undefined) return true;
      const name = `${group}:${process}`;
      const track: Track = tracks.get(name) ?? { group, process, notices: [] };
      tracks.set(name, track);
      track.notices = [...track.notices.filter((ms) => ms > atMs - withinMs), atMs].slice(-count);
      if (track.since) track.since.counts.set(state, (track.since.counts.get(state) ?? 0) + 1);
      else if (track.notices.length >= count) {
        track.since = { sinceMs: atMs, counts: new Map([[state, 1]]) };
      } else return true;
      return state === "FATAL";
    },
    due(nowMs) {
      const digests: Digest[] = [];
      for (const [name, track] of tracks) {
        const { since } = track;
        if (since && nowMs >= since.sinceMs + withinMs) {
          const over = since.counts.size === 0;
          digests.push({
            process: track.process,
            group: track.group,
            counts: Object.fromEntries(since.counts),
            sinceMs: since.sinceMs,
            untilMs: nowMs,
            over,
          });
          if (over) tracks.delete(name);
          else track.since = { sinceMs: nowMs, counts: new Map() };
        } else if (!since && track.notices.every((ms) => ms <= nowMs - withinMs)) tracks.delete(name);
      }
      return digests;
    },
    get nextMs() {
      const times = [...tracks.values()].flatMap(({ since }) => (since ? [since.sinceMs + withinMs] : []));
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
