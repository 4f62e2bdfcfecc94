// A target that is watched no more while it was in trouble, or people hold it to be: what is said, for no probe will
// end that. Pure.
import { stableId } from "../event.ts";
import { type Memory, retell } from "./memory.ts";
import type { Item } from "./outbox.ts";
import type { Rules } from "./settings.ts";
import type { Silence } from "./silence.ts";
import { type Target, keyOf } from "./target.ts";

export interface RemovalOptions {
  readonly memory: Memory;
  /** Undefined where it was removed between two lives. */
  readonly target: Target | undefined;
  readonly notify: Rules["notify"];
  readonly silence: Silence | undefined;
  readonly host: string;
  readonly atMs: number;
}

/** Undefined where nothing has to end. */
export function removalOf(options: RemovalOptions): Item | undefined {
  const { memory, target, silence, host, atMs } = options;
  const { program, source, status, sinceMs, toldMs, toldEpisode, episode = toldEpisode } = memory;
  const isTold = toldMs !== undefined;
  if (status === "up" && !isTold) return undefined;
  const key = keyOf(memory);
  const number = Math.max(memory.number + 1, Math.floor(atMs));
  const { labels, tags = [], severity, runbook_url } = target?.values ?? {};
  const since = new Date(sinceMs).toISOString();
  const wanted = options.notify === "changes" || options.notify === "failures";
  return {
    // Of its own: what comes later of a target of the same name and address is another life.
    key: `${key} removed`,
    program,
    memory: { ...retell(memory, {}), number, removed: true },
    draft: {
      id: stableId(host, key, memory.number, "removed"),
      atMs,
      class: "change",
      message: `REMOVED: ${target?.informations ?? `${program} ${source}`}`,
      program,
      source,
      tags: ["cuir", program, "removed", ...(silence ? ["silenced"] : []), ...tags],
      notify: isTold && silence === undefined && wanted,
      ...(labels === undefined ? undefined : { labels }),
      outcome: "unknown",
      details: {
        summary: `${program} ${source} removed: watched no more, ${status} since ${since}`,
        status: "removed",
        previous: status,
        since,
        episode,
        transition: number,
        dedup_key: key,
        prober: host,
        severity,
        runbook_url,
        silence: silence && { until: new Date(silence.untilMs).toISOString(), reason: silence.reason },
      },
    },
  };
}
