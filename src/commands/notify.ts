// Sends PanPan's message, or the lines of its standard input, and says what became of them.
import { openDelivery } from "../delivery.ts";
import { MoustashError, exitCodes } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { createTally, toJsonLine, toNotes } from "../message/outcome.ts";
import type { Observations } from "../ship.ts";
import { within } from "../waiting.ts";
import { deliverRest, waitingOf } from "./flush.ts";
import type { PanpanShell } from "./panpan.ts";
import { isTerminal, print } from "./print.ts";
import { type Saying, endsWell, eventsOf, saidIn, toSource, wordingOf } from "./saying.ts";

/** What is spooled may still reach the broker while we are here; longer than this nobody waits for it. */
const lingerMs = 1000;
const terminated = 128 + 15;

export async function notify(shell: PanpanShell, task: Saying): Promise<number> {
  const { config, logger, signal } = shell;
  const { Moustash, Panpan } = config.values;
  const startedMs = performance.now();
  const held = holdWarnings(logger);
  const tally = createTally();
  const observe: Partial<Observations> = {
    delivered: (_count, sent) => tally.delivered(sent),
    rejected: ({ run }) => void (run === events.run && tally.rejected()),
  };
  const delivery = openDelivery({
    tool: "panpan",
    values: Moustash,
    logger: held.logger,
    oneShot: true,
    observe,
  });
  const wording = wordingOf(shell, { host: delivery.host, ...saidIn(task) });
  const events = eventsOf(shell, delivery.host);
  let failure: unknown;
  const fail = (error: unknown) => {
    // The first decides how we end, and is said then.
    if (failure !== undefined && error instanceof MoustashError) logger.error({}, error.message);
    failure ??= error;
  };
  const source = endsWell(
    toSource(shell, task, { wording, events, heard: tally.heard, onWrong: fail }),
    fail,
  );
  const timeoutMs = Panpan.timeout;
  let waiting = 0;
  try {
    const shipping = delivery.ship(source.batches, {
      signal,
      run: events.run,
      sendTimeoutMs: timeoutMs,
      drainTimeoutMs: timeoutMs,
    });
    const patienceMs = Panpan.require_broker ? timeoutMs : Math.min(lingerMs, timeoutMs);
    const lingering = source.over.then(() => within(shipping, patienceMs));
    const outcome = await Promise.race([within(shipping, Infinity), lingering]);
    const { spool: spooled } = tally.counts();
    waiting = await waitingOf(delivery, { run: events.run, spooled, shipped: outcome });
    if (outcome.is === "rejected") throw outcome.error;
    if (Panpan.require_broker && waiting > 0 && outcome.is === "resolved") {
      if (await deliverRest(delivery, { run: events.run, timeoutMs, signal })) waiting = 0;
    }
    // Who left before the end leaves a send under way: what it carries is on disk.
    if (outcome.is === "resolved") await delivery[Symbol.asyncDispose]();
  } catch (error) {
    held.tell();
    fail(error);
  }

  const counts = tally.counts();
  const exitCode = exitCodeOf(failure, {
    interrupted: task.kind === "input" && signal.aborted && !process.stdin.readableEnded,
    unheard: Panpan.require_broker && waiting + counts.rejected > 0,
  });
  if (Panpan.json_output) {
    const error = failure instanceof MoustashError && { code: failure.code, message: failure.message };
    const ms = performance.now() - startedMs;
    await print(toJsonLine({ ...counts, run: events.run, ms, exitCode, waiting, ...(error && { error }) }));
  }
  if (!Panpan.quiet) {
    for (const note of toNotes({ ...counts, waiting }, { isTerminal })) logger.warn({}, note);
  }
  if (failure !== undefined) throw failure;
  return exitCode;
}

function exitCodeOf(
  failure: unknown,
  { interrupted, unheard }: { interrupted: boolean; unheard: boolean },
): number {
  if (failure instanceof MoustashError) return failure.exitCode;
  if (failure !== undefined) return exitCodes.bug;
  if (interrupted) return terminated;
  return unheard ? exitCodes.pending : exitCodes.ok;
}

/**
 * A one-shot says one line. What delivery says of the broker comes again as the error, or as `spooled`; what it warns
 * of beside that is worth a line only where nothing was accepted.
 */
function holdWarnings(logger: Logger): { logger: Logger; tell(): void } {
  const lines: string[] = [];
  const ofBroker = (fields: object) => "broker" in fields;
  return {
    logger: {
      ...logger,
      info() {},
      warn: (fields, message) => void (ofBroker(fields) || lines.push(message)),
      error: (fields, message) => void (ofBroker(fields) || logger.error(fields, message)),
    },
    tell() {
      for (const line of lines) logger.warn({}, line);
    },
  };
}
