// What a person should hear of, before flapping is looked at. Pure.
import type { Payload, StatePayload } from "./notification.ts";
import type { Known } from "./processes.ts";
import type { FouetSettings } from "./settings.ts";

/** fault: trouble. recovery: it runs again after trouble that people were told of. */
export type Notice = "fault" | "recovery" | "all" | undefined;

export function noticeOf(
  payload: Payload,
  before: Known | undefined,
  { notify, backoff_tries }: Pick<FouetSettings, "notify" | "backoff_tries">,
): Notice {
  if (payload.kind !== "state" || notify === "none") return undefined;
  if (isFault(payload, backoff_tries)) return "fault";
  if (payload.state === "RUNNING" && before?.faulty) return "recovery";
  return notify === "all" ? "all" : undefined;
}

function isFault({ state, expected, tries }: StatePayload, backoffTries: number): boolean {
  if (state === "EXITED") return expected === false;
  // A start that was tried in vain so often that somebody should look; told once, not with every further try.
  if (state === "BACKOFF") return tries === backoffTries;
  return state === "FATAL" || state === "UNKNOWN";
}
