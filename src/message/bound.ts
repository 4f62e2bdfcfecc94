// Keeps PanPan's events within max_event_bytes: a message that is too long is cut, and the event says so.
import { MoustashError, exitCodes } from "../errors.ts";
import { type Draft, type Events, type EventsOptions, createEvents } from "../event.ts";

/** Input that is no event (65); `message` names the line. */
export class DataError extends MoustashError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("data", exitCodes.data, message, options);
  }
}

/** Below this part of the bound nothing needs to be measured: the frame fits, with all that is escaped or said twice. */
const carefree = 1 / 16;

/** As createEvents; throws a DataError where not even an empty message fits. A refused draft takes no seq. */
export function createBoundedEvents(
  options: EventsOptions,
  { mostBytes, onCut = () => {} }: { mostBytes: number; onCut?: (fromBytes: number) => void },
): Events {
  const events = createEvents(options);
  const measuring = createEvents({ ...options, run: events.run });
  const frameLength = lengthOf([options.host, options.labels]);
  const carefreeLength = mostBytes > leastCarefreeBytes ? mostBytes * carefree : 0;
  const measure = (draft: Draft) => Buffer.byteLength(measuring.create(draft).body) + seqDigits;

  function bound(draft: Draft): Draft {
    const bytes = measure(draft);
    if (bytes <= mostBytes) return draft;
    // A reader that cut it before has seen all of it.
    const seen = draft.details?.cut_from_bytes;
    const fromBytes = typeof seen === "number" ? seen : Buffer.byteLength(draft.message);
    const cut = { ...draft, details: { ...draft.details, cut_from_bytes: fromBytes } };
    const frameBytes = measure({ ...cut, message: "" });
    if (frameBytes > mostBytes) {
      throw new DataError(
        `the event has ${frameBytes} bytes beside its message, and max_event_bytes is ${mostBytes}; shorten its fields and tags`,
      );
    }
    onCut(fromBytes);
    return { ...cut, message: cutToJsonBytes(draft.message, mostBytes - frameBytes) };
  }

  return {
    run: events.run,
    create: (draft) => events.create(frameLength + lengthOf(draft) < carefreeLength ? draft : bound(draft)),
  };
}

/** What a larger `seq` may add to what was measured. */
const seqDigits = 16;

/** Below it our own frame is too large a part to be left out of account. */
const leastCarefreeBytes = 32_768;

/** About how long the JSON form is, before escapes: each text and name with its quotes and what separates them. */
function lengthOf(value: unknown): number {
  if (typeof value === "string") return value.length + 4;
  if (typeof value !== "object" || value === null) return value === undefined ? 0 : 24;
  let length = 4;
  if (Array.isArray(value)) for (const item of value) length += lengthOf(item);
  else for (const key in value) length += key.length + 4 + lengthOf((value as Record<string, unknown>)[key]);
  return length;
}

/** The longest beginning whose JSON form, without quotes, has at most so many bytes. No character is split. */
export function cutToJsonBytes(text: string, mostBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += jsonBytes(character);
    if (bytes > mostBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Source: ECMA-262, QuoteJSONString. A lone surrogate is an escape. */
function jsonBytes(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return "\b\t\n\f\r".includes(character) ? 2 : 6;
  if (character === '"' || character === "\\") return 2;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  if (code >= 0xd800 && code <= 0xdfff) return 6;
  return code > 0xffff ? 4 : 3;
}
