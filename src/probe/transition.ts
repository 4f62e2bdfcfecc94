// When a run of outcomes becomes a change of state. Pure.
// Invariants: a target is down once the last `fall` outcomes were all down, and no better than degraded once the last
// `fall` were all not up, whatever their mixture; up once the last `rise` were all up, and no worse than degraded once
// the last `rise` were all not down. `unknown` is our own trouble: it neither confirms a change nor interrupts one.
import type { Verdict } from "./cause.ts";

/** `new`: no verdict yet. */
export type Status = "new" | Exclude<Verdict, "unknown">;

/** Where a target stands; the counts are of its last outcomes, since one of them agreed with the status. */
export interface Progress {
  readonly status: Status;
  /** How many in a row were down, and how many down or degraded. */
  readonly downs: number;
  readonly faults: number;
  /** How many in a row were up, and how many up or degraded. */
  readonly ups: number;
  readonly answers: number;
  /** Outcomes in a row that told nothing. */
  readonly blind: number;
}

export interface Counts {
  readonly fall: number;
  readonly rise: number;
}

export const unjudged: Progress = Object.freeze(settled("new"));

export function settled(status: Status): Progress {
  return { status, downs: 0, faults: 0, ups: 0, answers: 0, blind: 0 };
}

/** The next progress; the same object where nothing changed, so that a quiet target costs nothing. */
export function advance(progress: Progress, verdict: Verdict, counts: Counts): Progress {
  if (verdict === "unknown") return { ...progress, blind: progress.blind + 1 };
  const { status, downs, faults, ups, answers, blind } = progress;
  if (verdict === status) return faults + answers + blind === 0 ? progress : settled(status);
  const next = {
    status,
    downs: verdict === "down" ? downs + 1 : 0,
    faults: verdict === "up" ? 0 : faults + 1,
    ups: verdict === "up" ? ups + 1 : 0,
    answers: verdict === "down" ? 0 : answers + 1,
    blind: 0,
  };
  const reached = judge(next, counts);
  if (reached === status) return next;
  return reached === verdict ? settled(reached) : { ...next, status: reached };
}

function judge({ status, downs, faults, ups, answers }: Progress, { fall, rise }: Counts): Status {
  if (downs >= fall) return "down";
  if (ups >= (status === "new" ? 1 : rise)) return "up";
  const isLow = status === "down";
  return (isLow ? answers >= rise : status !== "degraded" && faults >= fall) ? "degraded" : status;
}

/** Whether a failure waits for its confirmation: the next probe then comes after `recheck`. */
export function wavers({ status, downs, faults }: Progress): boolean {
  return status !== "down" && (status === "degraded" ? downs : faults) > 0;
}
