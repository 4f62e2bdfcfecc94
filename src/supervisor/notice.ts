// What a person should hear of. Pure.
import type { Payload } from "./notification.ts";
import type { FouetSettings } from "./settings.ts";

export function deservesNotice(
  payload: Payload,
  { notify, backoff_tries }: Pick<FouetSettings, "notify" | "backoff_tries">,
): boolean {
  if (payload.kind !== "state" || notify === "none") return false;
  if (notify === "all") return true;
  if (payload.state === "EXITED") return payload.expected === false;
  if (payload.state === "BACKOFF") return (payload.tries ?? 0) >= backoff_tries;
  return payload.state === "FATAL" || payload.state === "UNKNOWN";
}
