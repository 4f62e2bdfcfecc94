// When a run of outcomes becomes a change of state: `fall` failures down, `rise` successes up. Pure.
// Invariant: `unknown` is our own trouble: it neither confirms a change nor interrupts one.
import type { Verdict } from "./cause.ts";

/** `new`: no verdict yet. */
export type Status = "new" | Exclude<Verdict, "unknown">;

export interface Progress {
  readonly status: Status;
  /** Where the last outcomes point, when it is not where we are. */
  readonly toward: Status;
  /** How many in a row. */
  readonly streak: number;
  /** Outcomes in a row that told nothing. */
  readonly blind: number;
}

export const unjudged: Progress = Object.freeze({ status: "new", toward: "new", streak: 0, blind: 0 });

export function settled(status: Status): Progress {
  return { status, toward: status, streak: 0, blind: 0 };
}

/** The next progress; the same object where nothing changed, so that a quiet target costs nothing. */
export function advance(
  progress: Progress,
  verdict: Verdict,
  { fall, rise }: { readonly fall: number; readonly rise: number },
): Progress {
  if (verdict === "unknown") return { ...progress, blind: progress.blind + 1 };
  const { status } = progress;
  if (verdict === status) return progress.streak === 0 && progress.blind === 0 ? progress : settled(status);
  const streak = progress.toward === verdict ? progress.streak + 1 : 1;
  const needed = verdict !== "up" ? fall : status === "new" ? 1 : rise;
  return streak >= needed ? settled(verdict) : { status, toward: verdict, streak, blind: 0 };
}

/** Whether a failure waits for its confirmation: the next probe then comes after `recheck`. */
export function wavers({ status, toward, streak }: Progress): boolean {
  return streak > 0 && toward !== "up" && toward !== status;
}
