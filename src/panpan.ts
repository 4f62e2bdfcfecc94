// PanPan: notifies from the command line, and wraps commands.
import { type PanpanShell, panpan } from "./commands/panpan.ts";
import { UsageError } from "./errors.ts";
import { parseCommand, parseTask } from "./message/arguments.ts";
import { inputKind } from "./message/input.ts";
import { run } from "./run.ts";

/** A command that is loaded when it is asked for: who waits for another one does not wait for it. */
const later =
  <A extends unknown[], R>(load: () => Promise<(...args: A) => Promise<R>>) =>
  async (...args: A) => {
    const command = await load();
    return await command(...args);
  };

const doctor = later(async () => (await import("./commands/doctor.ts")).doctor);
const dryRun = later(async () => (await import("./commands/dry-run.ts")).dryRun);
const explain = later(async () => (await import("./commands/explain.ts")).explain);
const flush = later(async () => (await import("./commands/flush.ts")).flush);
const notify = later(async () => (await import("./commands/notify.ts")).notify);
const spoolStatus = later(async () => (await import("./commands/spool-status.ts")).spoolStatus);
const wrap = later(async () => (await import("./commands/wrap.ts")).wrap);
const wrapUntold = later(async () => (await import("./commands/wrap.ts")).wrapUntold);

/** Who asks for nothing to be sent must not see a command start, or what waits go out. */
function refuseDryRun({ config, line }: Pick<PanpanShell, "config" | "line">): void {
  const { dry_run: isDry } = config.values.Panpan;
  const task = line.options.run ? "--run" : line.options.flush ? "--flush" : undefined;
  if (!isDry || task === undefined) return;
  const given = config.texts.find(({ section, key }) => section === "Panpan" && key === "dry_run");
  const name = given?.origin ?? "--dry-run";
  throw new UsageError(
    `${name} shows messages and sends nothing, ${task} does more: leave one of the two out`,
  );
}

/** How near to the command line each of PanPan's settings stands. */
const layersOf = (texts: PanpanShell["config"]["texts"]) =>
  Object.fromEntries(
    texts.flatMap(({ section, key, layer }) => (section === "Panpan" ? [[key, layer ?? 0]] : [])),
  ) as Readonly<Record<string, number>>;

async function act(shell: PanpanShell): Promise<number | void> {
  refuseDryRun(shell);
  const { Panpan } = shell.config.values;
  const { options, words, rest } = shell.line;
  if (options.doctor) return await doctor(shell.config.values.Moustash, { json: Panpan.json_output });
  if (options.flush) return await flush(shell);
  if (options["spool-status"]) return await spoolStatus(shell);
  const { message, whole, json } = Panpan;
  const sample = options.explain && words.length === 0 && message === undefined;
  const task = sample
    ? undefined
    : parseTask({
        words,
        rest,
        run: options.run,
        message,
        whole,
        json,
        input: inputKind(),
        layers: layersOf(shell.config.texts),
      });
  if (task?.kind === "command") return await wrap(shell, task.command);
  if (options.explain || !task) return await explain(shell, task);
  return Panpan.dry_run ? await dryRun(shell, task) : await notify(shell, task);
}

export const main = () =>
  run(
    {
      ...panpan,
      // What it sends says itself what it lacks, and what is loaded for more would be waited for.
      judge: async ({ Moustash }, { task, options }) => {
        if (task !== "check") return [];
        const [{ judgeBroker }, { refuseStdout }] = await Promise.all([
          import("./commands/judge-broker.ts"),
          import("./commands/wrap.ts"),
        ]);
        const stdout = {
          settings: [["Moustash", "transport"]] as const,
          check: () => options.run && refuseStdout(Moustash.transport),
        };
        return [stdout, ...judgeBroker(Moustash)];
      },
      async whenBroken(error, shell) {
        if (!shell.line.options.run) throw error;
        refuseDryRun(shell);
        return await wrapUntold(error, shell, parseCommand(shell.line.words, shell.line.rest).command);
      },
    },
    act,
  );
