// PanPan: notifies from the command line, and wraps commands.
import { doctor } from "./commands/doctor.ts";
import { dryRun } from "./commands/dry-run.ts";
import { explain } from "./commands/explain.ts";
import { flush } from "./commands/flush.ts";
import { notify } from "./commands/notify.ts";
import { type PanpanShell, panpan } from "./commands/panpan.ts";
import { spoolStatus } from "./commands/spool-status.ts";
import { wrap, wrapUntold } from "./commands/wrap.ts";
import { parseCommand, parseTask } from "./message/arguments.ts";
import { inputKind } from "./message/input.ts";
import { run } from "./run.ts";

async function act(shell: PanpanShell): Promise<number | void> {
  const { Panpan } = shell.config.values;
  const { options, words, rest } = shell.line;
  if (options.doctor) return await doctor(shell.config.values.Moustash, { json: Panpan.json_output });
  if (options.flush) return await flush(shell);
  if (options["spool-status"]) return await spoolStatus(shell);
  const { message, whole, json } = Panpan;
  const sample = options.explain && words.length === 0 && message === undefined;
  const task = sample
    ? undefined
    : parseTask({ words, rest, run: options.run, message, whole, json, input: inputKind() });
  if (options.explain || !task) return await explain(shell, task);
  if (task.kind === "command") return await wrap(shell, task.command);
  return Panpan.dry_run ? await dryRun(shell, task) : await notify(shell, task);
}

export const main = () =>
  run(
    {
      ...panpan,
      async withoutConfig(error, shell) {
        if (!shell.line.options.run) throw error;
        return await wrapUntold(error, shell, parseCommand(shell.line.words, shell.line.rest).command);
      },
    },
    act,
  );
