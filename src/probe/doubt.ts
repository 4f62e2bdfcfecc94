// What of one target's outcomes is believed now: silence waits for others that answer, a child for its parent's verdict.
// Invariant: what may be our own trouble is held back, never turned into the target's.
import type { Isolation } from "./isolation.ts";
import { type Outcome, fail, isSilence } from "./outcome.ts";
import type { Rules } from "./settings.ts";
import { type Target, isNear, placeOf } from "./target.ts";
import { type Progress, advance, wavers } from "./transition.ts";

/** A parent, as far as its child waits for it. */
export interface Parent {
  readonly target: Pick<Target, "program">;
  readonly progress: Progress;
  readonly prober?: { hurry(): void };
}

export interface DoubtOptions {
  readonly target: Target;
  readonly rules: Pick<Rules, "fall" | "rise">;
  readonly isolation: () => Isolation | undefined;
  readonly parentOf: (program: string) => Parent | undefined;
}

/** One outcome, and where its target stood when it came. */
export interface Found {
  readonly outcome: Outcome;
  readonly progress: Progress;
  /** When its probe began, monotonic. */
  readonly startedMs: number;
}

export interface Doubt {
  /** Failed probes in a row. */
  readonly streak: number;
  /** Undefined where the verdict has to wait; with the cause `isolated` where it says nothing. */
  weigh(found: Found): Outcome | undefined;
  /** The program that the target depends on, where that is down. */
  blocker(): string | undefined;
}

/** A child waits so long for its parent's verdict. */
const mostHeldMs = 10_000;

export function createDoubt({ target, rules, isolation: isolationNow, parentOf }: DoubtOptions): Doubt {
  const { depends_on: names = [], inverted = false } = target.values;
  const place = placeOf(target);
  const saysOfNetwork = !isNear(target) && !inverted;
  let streak = 0;
  /** When the first failed probe in a row began. */
  let streakMs = 0;

  function count({ verdict }: Outcome, startedMs: number) {
    if (verdict === "unknown") return;
    if (verdict !== "down") {
      streak = 0;
      return;
    }
    if (streak === 0) streakMs = startedMs;
    streak += 1;
    if (streak === 1) for (const name of names) parentOf(name)?.prober?.hurry();
  }

  function isWavering(parent: Parent | undefined): boolean {
    return parent !== undefined && wavers(parent.progress);
  }

  return {
    get streak() {
      return streak;
    },
    weigh({ outcome, progress, startedMs }) {
      count(outcome, startedMs);
      const isolation = isolationNow();
      const wasUp = progress.status !== "down";
      const falls = outcome.verdict === "down" && advance(progress, "down", rules).status !== progress.status;
      if (isolation !== undefined && saysOfNetwork && outcome.verdict !== "unknown") {
        if (!isSilence(outcome)) isolation.proof(place);
        else {
          const belief = isolation.silence(place, { sinceMs: streakMs, startedMs, wasUp });
          if (belief === "isolated") {
            // Failures of that time are no evidence afterwards.
            streak = 0;
            return fail("isolated", outcome.cause);
          }
          if (belief === "waiting" && falls) return undefined;
        }
      }
      if (!falls || startedMs - streakMs > mostHeldMs) return outcome;
      return names.some((name) => isWavering(parentOf(name))) ? undefined : outcome;
    },
    blocker: () => names.map(parentOf).find((parent) => parent?.progress.status === "down")?.target.program,
  };
}
