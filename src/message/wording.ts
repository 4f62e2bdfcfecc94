// How PanPan's options say what an event is: everything but the message itself. Pure.
import type { Draft } from "../event.ts";
import { UsageError } from "../errors.ts";
import { type Field, type Tree, emptyTree, isTree, plantFields } from "./field.ts";
import { type Level, isFailure } from "./level.ts";
import type { PanpanOptions } from "./settings.ts";

/** The part of PanPan's options that describes an event. */
export type WordingOptions = Pick<
  PanpanOptions,
  "program" | "source" | "tag" | "field" | "level" | "notify" | "file" | "type" | "id"
>;

/** What every event of one run has in common. */
export interface Wording {
  readonly program: string;
  readonly source: string;
  readonly notify: boolean | undefined;
  readonly tags: readonly string[];
  readonly type: string;
  readonly id: string | undefined;
  readonly file: string | undefined;
  readonly level: Level | undefined;
  readonly fields: readonly Field[];
  readonly labels: Readonly<Record<string, string>>;
  /** What goes into the object `panpan` of each event. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Top-level names that are the event's own; `--field` may not set them. */
const ours: Record<string, string> = {
  "@timestamp": "it is when the event happened",
  "@version": "it is always 1",
  message: "it is the message",
  host: "set [Moustash] host",
  type: "use --type",
  program: "use --program",
  source: "use --source",
  tags: "use --tag",
  file: "use --file",
  moustash: "it is what readers remove duplicates by",
  panpan: "it is PanPan's own report",
  event: "Logstash's ECS mode breaks on it; choose another name",
  service: "it is the program's in the format ecs",
  log: "it is the file's in the format ecs",
};
/** In each format the other's names are free. */
const free = {
  logstash: new Set(["service", "log"]),
  ecs: new Set(["type", "program", "source", "file"]),
};

/** Why a top-level name cannot be a field, where it cannot. */
export function whyReserved(name: string, format: "logstash" | "ecs"): string | undefined {
  return Object.hasOwn(ours, name) && !free[format].has(name) ? ours[name] : undefined;
}

export interface WordingFrame {
  readonly host: string;
  readonly format: "logstash" | "ecs";
  readonly program?: string;
  readonly source?: string;
  readonly notify?: boolean;
  /** What `--context` found. */
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Options and what stands in for them; throws a UsageError where fields contradict each other or us. */
export function parseWording(options: WordingOptions, frame: WordingFrame): Wording {
  for (const { path, text } of options.field) {
    const why = whyReserved(path[0]!, frame.format);
    if (why !== undefined) throw new UsageError(`--field ${text} is not yours to set: ${why}`);
  }
  const isLabel = (field: Field) => field.path[0] === "labels";
  const labels = plant(options.field.filter(isLabel)).labels ?? {};
  if (!isTree(labels) || Object.values(labels).some((value) => typeof value !== "string")) {
    throw new UsageError(`--field labels: labels are text, one level deep, such as labels.team=ops`);
  }
  const fields = options.field.filter((field) => !isLabel(field));
  plant(fields);
  return {
    program: frame.program ?? options.program ?? "panpan",
    source: frame.source ?? options.source ?? frame.host,
    notify: frame.notify ?? options.notify,
    tags: options.tag,
    type: options.type,
    id: options.id,
    file: options.file,
    level: options.level,
    fields,
    labels: labels as Record<string, string>,
    details: {
      ...(options.level && { level: options.level }),
      ...(frame.context && { context: frame.context }),
    },
  };
}

function plant(fields: readonly Field[], tree: Tree = emptyTree()): Tree {
  try {
    return plantFields(fields, tree);
  } catch (error) {
    throw new UsageError(`--field ${(error as Error).message}`, { cause: error });
  }
}

/** What one event says beyond the wording. */
export interface Saying {
  readonly message: string;
  readonly atMs: number;
  readonly id?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function toDraft(wording: Wording, { message, atMs, id = wording.id, details }: Saying): Draft {
  const { program, source, type, file, labels, level, fields } = wording;
  return {
    ...(id !== undefined && { id }),
    atMs,
    class: "message",
    message,
    program,
    source,
    tags: tagsOf(wording),
    notify: wording.notify ?? false,
    type,
    ...(file !== undefined && { file }),
    labels,
    details: { summary: firstLine(message), ...wording.details, ...details },
    ...(fields.length > 0 && { fields: plantFields(fields) }),
    outcome: level === undefined ? "unknown" : isFailure(level) ? "failure" : "success",
  };
}

/** One wording serves a million lines. */
const known = new WeakMap<Wording, readonly string[]>();

function tagsOf(wording: Wording): readonly string[] {
  const { program, level, tags } = wording;
  let all = known.get(wording);
  if (all === undefined) {
    all = distinct(["panpan", program, ...(level ? [level] : []), ...tags]);
    known.set(wording, all);
  }
  return all;
}

/** In order, each once; `notification` is said by `notify` alone. */
export function distinct(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)];
}

const mostSummary = 200;

/** One line, with nothing to trim: the common case, spared a copy. */
function isPlain(text: string): boolean {
  return text !== "" && !text.includes("\n") && !text.includes("\r") && text.trim().length === text.length;
}

/** The first line that says something, for people. */
export function firstLine(text: string): string {
  if (text.length <= mostSummary && isPlain(text)) return text;
  const line = /\S[^\r\n]*/.exec(text.slice(0, 4096))?.[0].trimEnd() ?? "";
  return line.length > mostSummary ? `${line.slice(0, mostSummary - 1).toWellFormed()}…` : line;
}
