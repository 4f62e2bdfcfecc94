// Says what waits in the spool, and since when.
import { openSpool } from "../spool/open.ts";
import type { PanpanShell } from "./panpan.ts";
import { print } from "./print.ts";

export async function spoolStatus({ config }: PanpanShell): Promise<void> {
  const { Moustash, Panpan } = config.values;
  const notes: string[] = [];
  await using spool = openSpool({
    directory: Moustash.spool,
    mostBytes: Moustash.spool_max_bytes,
    report: (message) => void notes.push(message),
  });
  const { count, bytes, mostBytes, oldestAtMs, rejected, lastError } = await spool.status();
  const oldest = oldestAtMs === undefined ? undefined : new Date(oldestAtMs).toISOString();
  const error = lastError && { at: new Date(lastError.atMs).toISOString(), reason: lastError.reason };
  if (Panpan.json_output) {
    const directory = spool.durable ? Moustash.spool : null;
    await print(
      `${JSON.stringify({ directory, waiting: count, bytes, most_bytes: mostBytes, oldest, rejected, last_error: error })}\n`,
    );
    return;
  }
  const lines = [
    `directory  ${spool.durable ? Moustash.spool : "none: events are not accepted while the broker is away"}`,
    `waiting    ${count} ${count === 1 ? "event" : "events"}${oldest === undefined ? "" : `, the oldest of ${oldest}`}`,
    `size       ${bytes} of ${mostBytes} bytes (${Math.round((bytes / mostBytes) * 100)} %)`,
    `rejected   ${rejected}${rejected > 0 ? " (panpan --flush --rejected sends them again)" : ""}`,
    ...(error ? [`last error ${error.reason} (${error.at})`] : []),
    ...notes,
  ];
  await print(`${lines.join("\n")}\n`);
}
