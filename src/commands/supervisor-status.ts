// `fouet --status`: what the running Fouet last knew of each process, from the store, so that it also works where no
// HTTP is open.
import { readProcesses } from "../supervisor/processes.ts";
import type { Store } from "../store/store.ts";
import { formatTable } from "./status.ts";

export const fouetStatusFlag = { task: true, help: "show what each process is known to be" } as const;

export interface FouetStatusOptions {
  readonly store: Store;
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** 1 when people were told of trouble with a process, and not yet of its end. */
export async function fouetStatus({ store, output }: FouetStatusOptions): Promise<0 | 1> {
  const rows = (await readProcesses(store)).map(
    ({ stream, name, state, atMs, pid, restartsLastHour, faulty }) => ({
      stream,
      process: name,
      state,
      since: new Date(atMs).toISOString(),
      ...(pid !== undefined && { pid }),
      restarts_last_hour: restartsLastHour,
      faulty,
    }),
  );
  if (!output.isTTY) for (const row of rows) output.write(`${JSON.stringify(row)}\n`);
  else {
    const lines = rows.map(({ stream, process, state, since, pid, restarts_last_hour, faulty }) => [
      state,
      process,
      pid === undefined ? "" : `${pid}`,
      since,
      `${restarts_last_hour}`,
      stream,
      faulty ? "trouble" : "",
    ]);
    output.write(formatTable([["STATE", "PROCESS", "PID", "SINCE", "RESTARTS", "STREAM", ""], ...lines]));
    if (!store.durable) output.write("There is no disk (spool = none): nothing is remembered here.\n");
  }
  return rows.some(({ faulty }) => faulty) ? 1 : 0;
}
