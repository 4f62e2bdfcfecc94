// Keeps PanPan's events within max_event_bytes: a message that is too long is cut, and the event says so.
import { MoustashError, exitCodes } from "../errors.ts";
import { type Draft, type Events, type EventsOptions, createEvents } from "../event.ts";

/** Input that is no event (65); `message` names the line. */
export class DataError extends MoustashError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("data", exitCodes.data, message, options);
  }
}

/** Below this part of the bound nothing needs to be measured: the frame and every escape fit. */
const carefree = 1 / 8;

/** As createEvents; throws a DataError where not even an empty message fits. A refused draft takes no seq. */
export function createBoundedEvents(
  options: EventsOptions,
  { mostBytes, onCut = () => {} }: { mostBytes: number; onCut?: (fromBytes: number) => void },
): Events {
  const events = createEvents(options);
  const measuring = createEvents({ ...options, run: events.run });
  const measure = (draft: Draft) => Buffer.byteLength(measuring.create(draft).body) + seqDigits;

  function bound(draft: Draft): Draft {
    const bytes = measure(draft);
    if (bytes <= mostBytes) return draft;
    const fromBytes = Buffer.byteLength(draft.message);
    const cut = {
      ...draft,
      details: { ...draft.details, cut_from_bytes: draft.details?.cut_from_bytes ?? fromBytes },
    };
    const frameBytes = measure({ ...cut, message: "" });
    if (frameBytes > mostBytes) {
      throw new DataError(
        `the event has ${frameBytes} bytes beside its message, and max_event_bytes is ${mostBytes}; shorten its fields`,
      );
    }
    onCut(fromBytes);
    return { ...cut, message: cutToJsonBytes(draft.message, mostBytes - frameBytes) };
  }

  return {
    run: events.run,
    create: (draft) => events.create(isCarefree(draft, mostBytes) ? draft : bound(draft)),
  };
}

/** What a larger `seq` may add to what was measured. */
const seqDigits = 16;

function isCarefree(draft: Draft, mostBytes: number): boolean {
  return (
    draft.fields === undefined && draft.message.length < mostBytes * carefree && mostBytes * carefree > 4096
  );
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
