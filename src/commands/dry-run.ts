// Sends nothing: prints the exact bytes of each event, and says where they would go.
import { hostname } from "node:os";
import { exitCodes } from "../errors.ts";
import { connectTransport } from "../transport/connect.ts";
import type { PanpanShell } from "./panpan.ts";
import { print } from "./print.ts";
import { type Saying, eventsOf, saidIn, toSource, wordingOf } from "./saying.ts";

export async function dryRun(shell: PanpanShell, task: Saying): Promise<number> {
  const { Moustash, Panpan } = shell.config.values;
  const host = Moustash.host ?? hostname();
  const wording = wordingOf(shell, { host, ...saidIn(task) });
  let exitCode: number = exitCodes.ok;
  let bytes = 0;
  let count = 0;
  const source = toSource(shell, task, {
    wording,
    events: eventsOf(shell, host),
    heard: () => {},
    onWrong(error) {
      shell.logger.error({}, error.message);
      exitCode = error.exitCode;
    },
  });
  for await (const { events } of source) {
    const text = events.map(({ body }) => `${body}\n`).join("");
    bytes += Buffer.byteLength(text);
    count += events.length;
    if (!(await print(text))) return exitCode;
  }
  if (!Panpan.quiet) {
    await using transport = connectTransport(Moustash);
    const what =
      count === 1 ? `this event of ${bytes - 1} bytes` : `these ${count} events of ${bytes - count} bytes`;
    shell.logger.warn({}, `${what} would go to ${transport.name}`);
  }
  return exitCode;
}
