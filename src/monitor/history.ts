// What targets were lately: the last hour minute by minute, the last day by quarters of an hour, in fixed rings.
// Invariant: a target costs the same however often it is probed and however long we run (about 2 KB).

export type Verdict = "up" | "down" | "degraded" | "unknown";

export const minuteMs = 60_000;
export const minutes = 60;
export const momentMs = 15 * 60_000;
export const moments = 96;

/** One minute: the mean and the longest duration of its good probes in milliseconds, and how many failed. */
export interface Minute {
  /** Undefined where no probe was good. */
  readonly meanMs: number | undefined;
  readonly mostMs: number;
  readonly probes: number;
  readonly failed: number;
}

/** A quarter of an hour. */
export interface Moment {
  readonly good: number;
  readonly failed: number;
  /** Told nothing: our own trouble. */
  readonly blind: number;
}

export interface History {
  record(program: string, verdict: Verdict, durationMs: number | undefined, atMs: number): void;
  /** The last 60 minutes, oldest first, the running one last; undefined where nothing was probed. */
  hour(program: string, nowMs: number): readonly (Minute | undefined)[];
  /** The last 96 quarters of an hour, oldest first. */
  day(program: string, nowMs: number): readonly (Moment | undefined)[];
}

interface Rings {
  /** Per minute: sum and most of durations. */
  readonly durations: Float32Array;
  /** Per minute: timed, probes, failed; then per moment: good, failed, blind. */
  readonly counts: Uint16Array;
  minute: number;
  moment: number;
}

const momentsAt = minutes * 3;
const most = 0xffff;

export function createHistory(): History {
  const targets = new Map<string, Rings>();

  function ringsOf(program: string, minute: number, moment: number): Rings {
    let rings = targets.get(program);
    // A clock that was set back by more than an hour: what is in the rings is of a time that may not come for years.
    if (rings === undefined || rings.minute - minute >= minutes) {
      if (targets.size > 0 && targets.size % 500 === 0) forget(moment);
      const durations = new Float32Array(minutes * 2);
      const counts = new Uint16Array(momentsAt + moments * 3);
      targets.set(program, (rings = { durations, counts, minute, moment }));
    }
    return rings;
  }

  /** Names that were not probed for a day: lists of targets come and go. */
  function forget(moment: number) {
    for (const [program, rings] of targets) if (rings.moment <= moment - moments) targets.delete(program);
  }

  /** Empties what lies between the last record and now; a clock that was set back a little goes on in the last place. */
  function advance(rings: Rings, minute: number, moment: number) {
    for (let at = Math.max(rings.minute + 1, minute - minutes + 1); at <= minute; at += 1) {
      const place = at % minutes;
      rings.durations.fill(0, place * 2, place * 2 + 2);
      rings.counts.fill(0, place * 3, place * 3 + 3);
    }
    for (let at = Math.max(rings.moment + 1, moment - moments + 1); at <= moment; at += 1) {
      const place = momentsAt + (at % moments) * 3;
      rings.counts.fill(0, place, place + 3);
    }
    rings.minute = Math.max(rings.minute, minute);
    rings.moment = Math.max(rings.moment, moment);
  }

  return {
    record(program, verdict, durationMs, atMs) {
      const minute = Math.floor(atMs / minuteMs);
      const moment = Math.floor(atMs / momentMs);
      const rings = ringsOf(program, minute, moment);
      if (minute !== rings.minute) advance(rings, minute, moment);
      const { durations, counts } = rings;
      const place = rings.minute % minutes;
      const good = verdict === "up" || verdict === "degraded";
      if (good && durationMs !== undefined && counts[place * 3]! < most) {
        counts[place * 3]! += 1;
        durations[place * 2]! += durationMs;
        if (durationMs > durations[place * 2 + 1]!) durations[place * 2 + 1] = durationMs;
      }
      count(counts, place * 3 + 1);
      if (verdict === "down") count(counts, place * 3 + 2);
      const base = momentsAt + (rings.moment % moments) * 3;
      count(counts, base + (good ? 0 : verdict === "down" ? 1 : 2));
    },
    hour(program, nowMs) {
      const now = Math.floor(nowMs / minuteMs);
      const rings = targets.get(program);
      return Array.from({ length: minutes }, (_, index) => {
        const minute = now - minutes + 1 + index;
        if (rings === undefined || minute > rings.minute || minute <= rings.minute - minutes)
          return undefined;
        const place = minute % minutes;
        const [timed, probes, failed] = rings.counts.subarray(place * 3, place * 3 + 3);
        if (probes === 0) return undefined;
        const meanMs = timed === 0 ? undefined : rings.durations[place * 2]! / timed!;
        return { meanMs, mostMs: rings.durations[place * 2 + 1]!, probes: probes!, failed: failed! };
      });
    },
    day(program, nowMs) {
      const now = Math.floor(nowMs / momentMs);
      const rings = targets.get(program);
      return Array.from({ length: moments }, (_, index) => {
        const moment = now - moments + 1 + index;
        if (rings === undefined || moment > rings.moment || moment <= rings.moment - moments)
          return undefined;
        const at = momentsAt + (moment % moments) * 3;
        const [good = 0, failed = 0, blind = 0] = rings.counts.subarray(at, at + 3);
        return good + failed + blind > 0 ? { good, failed, blind } : undefined;
      });
    },
  };
}

function count(counts: Uint16Array, place: number): void {
  if (counts[place]! < most) counts[place]! += 1;
}
