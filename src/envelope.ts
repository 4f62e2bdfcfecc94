// What travels: an encoded event with what delivery must know of it, and the batches in which sources hand it over.

/**
 * What decides admission to a spool that fills up: changes of state, people's messages and reports of loss
 * are taken until it is full, repeats only while there is plenty of room.
 */
export type EnvelopeClass = "change" | "message" | "loss" | "repeat";

/** What fills %{type}, %{host} and %{program} in a key or queue name. */
export interface Route {
  readonly type: string;
  readonly host: string;
  readonly program: string;
}

export interface Envelope {
  /** The same for the same happening however often it is sent (`moustash.id`). */
  readonly id: string;
  /** One life of one process; `seq` counts within it. (run, seq) is unique. */
  readonly run: string;
  readonly seq: number;
  readonly class: EnvelopeClass;
  /** When it happened, milliseconds since the epoch. */
  readonly atMs: number;
  readonly route: Route;
  /** The event: one JSON object on one line, well-formed UTF-16, without line feed. */
  readonly body: string;
}

/** Where an accepted batch is safe. */
export interface Receipt {
  readonly at: "broker" | "spool";
  /** Length of the list after the write, where the broker told it. */
  readonly listLength?: number;
}

/**
 * What a source yields. `accepted` is called once, when the whole batch is safe (at the broker, or committed to
 * disk with fsync); never inferred from iteration. A source may be asked for its next batch before that.
 */
export interface Batch {
  readonly events: readonly Envelope[];
  accepted(receipt: Receipt): void | Promise<void>;
}

export type Source = AsyncIterable<Batch>;

/** Fills `%{type}`, `%{host}` and `%{program}` of a key's or queue's name. */
export function fillRoute(template: string, route: Route): string {
  if (!template.includes("%{")) return template;
  return template.replaceAll(/%\{(type|host|program)\}/g, (_, name: keyof Route) => route[name]);
}
