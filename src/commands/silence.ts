// `cuir --silence PROGRAM DURATION REASON`: people are not told of that target for a while; its events still flow.
import { UsageError } from "../errors.ts";
import { type Silence, writeSilence } from "../probe/silence.ts";
import type { Target } from "../probe/target.ts";
import { parseDurationMs } from "../setting.ts";
import type { Store } from "../store/store.ts";
import { findTarget } from "./test-notification.ts";

export const silenceFlag = {
  task: true,
  help: "do not tell people of this target for a while (0: tell them again)",
  words: "PROGRAM DURATION REASON",
} as const;

export interface SilenceOptions {
  readonly words: readonly string[];
  readonly targets: readonly Target[];
  readonly store: Store;
  readonly nowMs: number;
}

/** Says what was done, in one line. Throws a UsageError for wrong words, or where nothing would remember them. */
export async function silence({ words, targets, store, nowMs }: SilenceOptions): Promise<string> {
  const [program = "", duration = "", ...reason] = words;
  if (program === "" || duration === "")
    throw new UsageError("--silence needs PROGRAM DURATION REASON: --silence SSH 2h disk is replaced");
  const target = findTarget(program, targets);
  let durationMs: number;
  try {
    durationMs = parseDurationMs(duration);
  } catch (error) {
    throw new UsageError(`--silence: ${(error as Error).message}`, { cause: error });
  }
  if (durationMs > 0 && reason.length === 0)
    throw new UsageError("--silence: say why, for those who will wonder: --silence SSH 2h disk is replaced");
  if (!store.durable)
    throw new UsageError(
      "--silence: there is no disk on which the running Cuir could read it: set spool to a directory that both see",
    );
  const made: Silence = {
    program: target.program.toLowerCase(),
    reason: reason.join(" "),
    sinceMs: nowMs,
    untilMs: nowMs + durationMs,
  };
  await writeSilence(store, made, nowMs);
  return durationMs > 0
    ? `${target.program} is silenced until ${new Date(made.untilMs).toISOString()}`
    : `${target.program} is no longer silenced`;
}
