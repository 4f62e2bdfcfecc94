// A JSON object of standard input as an event: its own words where it has them, PanPan's options for the rest. Pure.
import type { Draft } from "../event.ts";
import { type Tree, isTree, plantFields } from "./field.ts";
import { explainJson, parseJson } from "./json.ts";
import { parseId } from "./settings.ts";
import { type Wording, distinct, toDraft, whyReserved } from "./wording.ts";

export interface ObjectFrame {
  readonly wording: Wording;
  readonly format: "logstash" | "ecs";
  /** When it was read: the event's time where the object has none. */
  readonly atMs: number;
  readonly id?: string;
}

/**
 * Takes `message` (needed), `@timestamp`, `host`, `program`, `source`, `type`, `file`, `tags`, `labels` and `moustash.id`
 * from the object; an option (--field) wins over a key of the same name; every other key becomes a field. An event that
 * Moustash once made keeps its id and its tags. Throws an Error that says what is wrong.
 */
export function parseObject(text: string, frame: ObjectFrame): Draft {
  const { "@timestamp": time, "@version": version, ...object } = toObject(text);
  const { message, program, source, type, file, tags, labels, moustash, panpan, host, ...rest } = object;
  if (version !== undefined && version !== 1 && version !== "1") throw new Error('"@version" must be 1');
  for (const name of Object.keys(rest)) {
    const why = whyReserved(name, frame.format);
    if (why !== undefined) throw new Error(`"${name}" is not yours to set: ${why}`);
  }
  const { wording } = frame;
  const ownTags = parseTags(tags);
  const id = idOf(moustash) ?? frame.id;
  const words = definedOf({
    program: textOf("program", program),
    source: textOf("source", source),
    type: textOf("type", type),
    file: textOf("file", file),
  });
  const draft = toDraft(
    {
      ...wording,
      ...words,
      fields: [],
      tags: [...wording.tags, ...ownTags.filter((tag) => tag !== notification)],
    },
    {
      message: saidIn(message),
      atMs: time === undefined ? frame.atMs : parseTime(time),
      ...(id !== undefined && { id }),
      ...(panpan !== undefined && { details: detailsOf(panpan) }),
    },
  );
  return {
    ...draft,
    tags: distinct(draft.tags),
    notify: wording.notify ?? ownTags.includes(notification),
    ...definedOf({ host: textOf("host", isTree(host) ? host.name : host) }),
    labels: { ...labelsOf(labels), ...wording.labels },
    fields: plantFields(wording.fields, rest),
  };
}

const notification = "notification";

function toObject(text: string): Tree {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new Error(`no JSON: ${explainJson(error)}`, { cause: error });
  }
  if (!isTree(value)) throw new Error(`a JSON object is needed, not ${nameOf(value)}`);
  return value;
}

const nameOf = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;

function textOf(name: string, value: unknown): string | undefined {
  if (value === "") throw new Error(`"${name}" is empty: leave it out where there is none`);
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`"${name}" must be text, not ${nameOf(value)}`);
}

/** What the command line refuses is refused here as well. */
function saidIn(value: unknown): string {
  const text = textOf("message", value);
  if (text === undefined) throw new Error('"message" is missing');
  if (text.trim() === "") throw new Error('"message" is empty');
  return text;
}

function parseTags(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((tag) => typeof tag !== "string")) {
    throw new Error('"tags" must be a list of texts');
  }
  return value as string[];
}

/** ISO 8601 with its zone: Logstash reads a time without one as its own local time. */
function parseTime(value: unknown): number {
  const text = typeof value === "string" ? value : "";
  const [, day] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)$/.exec(text) ?? [];
  if (day !== undefined && !isDay(day)) throw new Error(`"@timestamp": ${day} is in no calendar`);
  const atMs = day === undefined ? NaN : Date.parse(text);
  if (Number.isNaN(atMs)) {
    throw new Error('"@timestamp" must be a time with its zone, such as 2026-11-22T13:37:20.581Z');
  }
  return atMs;
}

/** Date takes the 31st of February for the 3rd of March. */
function isDay(day: string): boolean {
  const startMs = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(startMs) && new Date(startMs).toISOString().startsWith(day);
}

function labelsOf(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isTree(value) || Object.values(value).some((label) => typeof label !== "string")) {
    throw new Error('"labels" must be an object of texts');
  }
  return value as Record<string, string>;
}

function idOf(moustash: unknown): string | undefined {
  const id = textOf("moustash.id", isTree(moustash) ? moustash.id : undefined);
  return id === undefined ? undefined : parseId(id);
}

function detailsOf(panpan: unknown): Tree {
  if (!isTree(panpan)) throw new Error(`"panpan" must be an object, not ${nameOf(panpan)}`);
  return panpan;
}

function definedOf<T extends object>(record: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}
