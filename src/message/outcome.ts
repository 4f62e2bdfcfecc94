// What became of PanPan's events: counted as they are accepted, told in one line or one JSON object.
import type { Envelope, Receipt } from "../envelope.ts";
import type { Heard } from "./message.ts";

export interface Tally {
  readonly heard: Heard;
  /** After each write: the list's length, where the broker told it. */
  readonly delivered: (sent: { readonly listLength?: number }) => void;
  /** An event that the broker refuses for good: accepted, for it is in the reject file, and not there. */
  readonly rejected: () => void;
  counts(): Counts;
}

export interface Counts {
  readonly events: number;
  readonly broker: number;
  readonly spool: number;
  /** Of them in the reject file. */
  readonly rejected: number;
  /** The last event's. */
  readonly id?: string;
  /** The last that the broker told. */
  readonly listLength?: number;
}

export function createTally(): Tally {
  let counts: Counts = { events: 0, broker: 0, spool: 0, rejected: 0 };
  return {
    heard(events: readonly Envelope[], { at }: Receipt) {
      counts = {
        ...counts,
        events: counts.events + events.length,
        [at]: counts[at] + events.length,
        ...(events.length > 0 && { id: events.at(-1)!.id }),
      };
    },
    delivered({ listLength }) {
      if (listLength !== undefined) counts = { ...counts, listLength };
    },
    rejected() {
      counts = { ...counts, rejected: counts.rejected + 1 };
    },
    counts: () => counts,
  };
}

export interface Outcome extends Counts {
  readonly run: string;
  readonly ms: number;
  readonly exitCode: number;
  /** How many of the events are still only on disk. */
  readonly waiting: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** For scripts: `id` for one event, counts for several. */
export function toJsonLine({
  events,
  rejected,
  id,
  listLength,
  run,
  ms,
  exitCode,
  waiting,
  error,
}: Outcome): string {
  const atBroker = events - waiting - rejected;
  const places = { broker: atBroker, spool: waiting, rejected };
  const [at = null, other] = (["broker", "spool", "rejected"] as const).filter((place) => places[place] > 0);
  return `${JSON.stringify({
    ...(events === 1 && { id }),
    at: other === undefined ? at : "both",
    events,
    broker: atBroker,
    spool: waiting,
    ...(rejected > 0 && { rejected }),
    run,
    ms: Math.round(ms * 10) / 10,
    ...(listLength !== undefined && { list_length: listLength }),
    exit_code: exitCode,
    ...(error && { error }),
  })}\n`;
}

/** A list as long as this is not being read. */
const longList = 1000;

/** Lines for stderr: what a person should know, nothing where all is well. */
export function toNotes(
  { events, waiting, listLength }: Pick<Outcome, "events" | "waiting" | "listLength">,
  { isTerminal }: { isTerminal: () => boolean },
): readonly string[] {
  const notes: string[] = [];
  if (waiting > 0) {
    notes.push(
      events > 1
        ? `${count(waiting)} of ${count(events)} events spooled, delivery pending`
        : "spooled, delivery pending",
    );
  }
  if (listLength !== undefined && listLength >= longList && isTerminal()) {
    notes.push(`${count(listLength)} waiting: is Logstash reading?`);
  }
  return notes;
}

const count = (number: number) => number.toLocaleString("en-US");
