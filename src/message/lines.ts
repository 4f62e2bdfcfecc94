// Standard input as a source: one event for each line, one for all of it, or one for each JSON object.
import { isUtf8 } from "node:buffer";
import type { Batch, Envelope } from "../envelope.ts";
import type { Draft, Events } from "../event.ts";
import { DataError } from "./bound.ts";
import { type Line, readLines, withoutBrokenEnd } from "./line.ts";
import { type Heard, toBatch } from "./message.ts";
import { parseObject } from "./object.ts";
import { type Wording, toDraft } from "./wording.ts";

export interface LinesOptions {
  readonly input: AsyncIterable<Uint8Array>;
  readonly form: "lines" | "whole" | "json";
  readonly wording: Wording;
  readonly format: "logstash" | "ecs";
  readonly events: Events;
  readonly mostBytes: number;
  readonly heard: Heard;
  /** With it, lines that are no JSON objects are told here, and the others go on. */
  readonly onWrong?: (error: DataError) => void;
  readonly now?: () => number;
}

/** More events than this in one batch gain nothing. */
const mostEvents = 1024;

/**
 * Batches in the order of the input; the next chunk is read when the last batch is safe, so that a slow broker slows
 * the writer down. Blank lines are no events. A DataError names its line; all lines before it have been yielded.
 */
export function sayLines(options: LinesOptions): AsyncGenerator<Batch, void, undefined> {
  return options.form === "whole" ? sayWhole(options) : sayEach(options);
}

async function* sayEach(options: LinesOptions): AsyncGenerator<Batch, void, undefined> {
  const { input, form, events, mostBytes, heard, onWrong, now = Date.now } = options;
  for await (const lines of readLines(input, { mostBytes })) {
    const atMs = now();
    let batch: Envelope[] = [];
    let wrong: DataError | undefined;
    for (const line of lines) {
      if (line.text.trim() === "") continue;
      try {
        batch.push(
          events.create(form === "json" ? fromObject(line, atMs, options) : fromText(line, atMs, options)),
        );
      } catch (error) {
        wrong = new DataError(`line ${line.number}: ${(error as Error).message}`, { cause: error });
        if (!onWrong) break;
        onWrong(wrong);
      }
      if (batch.length === mostEvents) {
        yield toBatch(batch, heard);
        batch = [];
      }
    }
    if (batch.length > 0) yield toBatch(batch, heard);
    if (wrong && !onWrong) throw wrong;
  }
}

function fromText(line: Line, atMs: number, { wording }: LinesOptions): Draft {
  const draft = toDraft(wording, {
    message: line.text,
    atMs,
    ...numbered(wording, line),
  });
  return marked(draft, line);
}

function fromObject(line: Line, atMs: number, { wording, format, mostBytes }: LinesOptions): Draft {
  if (line.cutFromBytes !== undefined) {
    throw new Error(`has ${line.cutFromBytes} bytes, and max_event_bytes is ${mostBytes}`);
  }
  return marked(parseObject(line.text, { wording, format, atMs, ...numbered(wording, line) }), line);
}

const numbered = ({ id }: Wording, { number }: Line) => (id === undefined ? {} : { id: `${id}-${number}` });

/** Says in the event what was not taken as it came. */
function marked(draft: Draft, { isUtf8, cutFromBytes }: Omit<Line, "number" | "text">): Draft {
  if (isUtf8 && cutFromBytes === undefined) return draft;
  const marks = { ...(!isUtf8 && { not_utf8: true }), ...(cutFromBytes && { cut_from_bytes: cutFromBytes }) };
  return { ...draft, details: { ...draft.details, ...marks } };
}

/** All of the input as one message; without anything but white space it is no event. */
async function* sayWhole({ input, wording, events, mostBytes, heard, now = Date.now }: LinesOptions) {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const part of input) {
    if (bytes < mostBytes) pieces.push(Buffer.from(part.subarray(0, mostBytes - bytes)));
    bytes += part.length;
  }
  const all = Buffer.concat(pieces);
  const kept = bytes > all.length ? withoutBrokenEnd(all) : all;
  const text = kept.toString("utf8").replace(/^\uFEFF/, "");
  if (text.trim() === "") return;
  const draft = toDraft(wording, { message: text.replace(/\r?\n$/, ""), atMs: now() });
  const marks = { isUtf8: isUtf8(kept), ...(bytes > all.length && { cutFromBytes: bytes }) };
  yield toBatch([events.create(marked(draft, marks))], heard);
}
