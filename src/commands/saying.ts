// What PanPan's commands that say something have in common: the wording, the events and the source of one shell.
import type { Batch, Source } from "../envelope.ts";
import type { Events } from "../event.ts";
import type { Task } from "../message/arguments.ts";
import { type DataError, createBoundedEvents } from "../message/bound.ts";
import { findContext } from "../message/context.ts";
import { sayLines } from "../message/lines.ts";
import { type Heard, sayOnce } from "../message/message.ts";
import { type Wording, type WordingFrame, parseWording, toDraft } from "../message/wording.ts";
import { version } from "../version.ts";
import type { PanpanShell } from "./panpan.ts";

export type Saying = Exclude<Task, { kind: "command" }>;

/** Throws a UsageError where fields contradict each other. */
export function wordingOf(
  shell: Omit<PanpanShell, "reload">,
  frame: Omit<WordingFrame, "format" | "context">,
): Wording {
  const { Moustash, Panpan } = shell.config.values;
  return parseWording(Panpan, {
    ...frame,
    format: Moustash.format,
    ...(Panpan.context && {
      context: findContext({ environment: shell.childEnvironment, directory: process.cwd() }),
    }),
  });
}

/** What the original's words say; they win over options. */
export function saidIn(task: Saying): Pick<WordingFrame, "program" | "source" | "notify"> {
  if (task.kind !== "message" || task.program === undefined) return {};
  const { program, source, notify } = task;
  return { program, ...(source !== undefined && { source }), ...(notify !== undefined && { notify }) };
}

export function eventsOf({ config, logger }: Pick<PanpanShell, "config" | "logger">, host: string): Events {
  const { format, labels, max_event_bytes: mostBytes } = config.values.Moustash;
  const onCut = (bytes: number) =>
    logger.warn({}, `a message of ${bytes} bytes was cut to fit max_event_bytes (${mostBytes})`);
  return createBoundedEvents({ tool: "panpan", host, version, format, labels }, { mostBytes, onCut });
}

export interface SourceParts {
  readonly wording: Wording;
  readonly events: Events;
  readonly heard: Heard;
  /** Told of wrong lines with --keep-going. */
  readonly onWrong: (error: DataError) => void;
}

/** One event, or the input's. */
export function toSource(shell: PanpanShell, task: Saying, parts: SourceParts): Source {
  const { wording, events, heard, onWrong } = parts;
  const { Moustash, Panpan } = shell.config.values;
  if (task.kind === "message") {
    return sayOnce(events.create(toDraft(wording, { message: task.message, atMs: Date.now() })), heard);
  }
  return sayLines({
    input: untilAborted(process.stdin, shell.signal),
    form: task.form,
    wording,
    format: Moustash.format,
    events,
    mostBytes: Moustash.max_event_bytes,
    heard,
    ...(Panpan.keep_going && { onWrong }),
  });
}

/** What was read before the end is sent, also what the stream holds; the rest is left to whoever reads next. */
function untilAborted(input: NodeJS.ReadStream, signal: AbortSignal): AsyncIterable<Uint8Array> {
  let held: Uint8Array | null = null;
  const end = () => {
    held = input.read() as Uint8Array | null;
    input.destroy();
  };
  signal.addEventListener("abort", end, { once: true });
  return (async function* () {
    try {
      yield* input as AsyncIterable<Uint8Array>;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (held) yield held;
  })();
}

/** A source that fails ends, so that what came before is delivered; and it says when all of it was accepted. */
export function endsWell(source: Source, onError: (error: unknown) => void) {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let unaccepted = 1;
  const settle = () => {
    unaccepted -= 1;
    if (unaccepted === 0) resolve();
  };
  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    try {
      for await (const batch of source) {
        unaccepted += 1;
        yield {
          events: batch.events,
          async accepted(receipt) {
            await batch.accepted(receipt);
            settle();
          },
        };
      }
    } catch (error) {
      onError(error);
    }
    settle();
  }
  return { batches: batches(), over };
}
