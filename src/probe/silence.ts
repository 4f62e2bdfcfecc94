// Silences: programs of which people are not told for a while; kept in the store, written by `--silence`, read by the daemon.
import type { Json, Store } from "../store/store.ts";

export interface Silence {
  readonly program: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const silenceSpace = "cuir.silences";

/** Those that have not ended yet, by program; what is not readable is left out. */
export async function readSilences(store: Store, nowMs: number): Promise<ReadonlyMap<string, Silence>> {
  const silences = new Map<string, Silence>();
  for (const [program, json] of await store.entries(silenceSpace)) {
    const silence = json as unknown as Silence;
    if (typeof silence?.untilMs === "number" && silence.untilMs > nowMs) silences.set(program, silence);
  }
  return silences;
}

/** Begins a silence, or, with a time that is over, ends it; those that ended are forgotten on the way. */
export async function writeSilence(store: Store, silence: Silence, nowMs: number): Promise<void> {
  const changes = new Map<string, Json | undefined>();
  for (const [program, json] of await store.entries(silenceSpace))
    if (!((json as unknown as Silence)?.untilMs > nowMs)) changes.set(program, undefined);
  changes.set(silence.program, silence.untilMs > nowMs ? { ...silence } : undefined);
  await store.write(silenceSpace, changes);
}
