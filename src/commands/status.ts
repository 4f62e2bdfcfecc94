// `cuir --status`: what the running Cuir last wrote of its targets, and which silences hold; from the store, so that it
// also works where no HTTP is open.
import { memorySpace, readMemory } from "../probe/memory.ts";
import { readSilences } from "../probe/silence.ts";
import { type Target, keyOf } from "../probe/target.ts";
import type { Store } from "../store/store.ts";

export const statusFlag = {
  task: true,
  help: "show what each target is held to be, and the silences",
} as const;

export interface StatusOptions {
  readonly targets: readonly Target[];
  readonly store: Store;
  readonly nowMs: number;
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** 1 when something is down. */
export async function status({ targets, store, nowMs, output }: StatusOptions): Promise<0 | 1> {
  const entries = await store.entries(memorySpace);
  const silences = await readSilences(store, nowMs);
  const rows = targets.map((target) => {
    const memory = readMemory(entries.get(keyOf(target)));
    const silence = silences.get(target.program.toLowerCase());
    return {
      program: target.program,
      source: target.source,
      status: memory?.status ?? "new",
      ...(memory && { since: new Date(memory.sinceMs).toISOString() }),
      ...(silence && { silence: { until: new Date(silence.untilMs).toISOString(), reason: silence.reason } }),
    };
  });
  if (!output.isTTY) for (const row of rows) output.write(`${JSON.stringify(row)}\n`);
  else {
    const lines = rows.map(({ program, source, status: state, since = "", silence }) => [
      state,
      program,
      source,
      since,
      silence === undefined ? "" : `silenced until ${silence.until}: ${silence.reason}`,
    ]);
    output.write(formatTable([["STATE", "PROGRAM", "SOURCE", "SINCE", "SILENCE"], ...lines]));
  }
  return rows.some((row) => row.status === "down") ? 1 : 0;
}

export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${pad(row)}\n`).join("");
}
