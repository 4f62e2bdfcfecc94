// The Event: one Logstash document for one happening. createEvents() gives one process its run and its seq.
import { hash } from "node:crypto";
import type { Envelope, EnvelopeClass } from "./envelope.ts";
import { flat } from "./flat.ts";
import { uuidv7 } from "./uuid.ts";

/** A version of the shape of events, in `moustash.schema`. */
const schema = 1;

/** What a source knows of a happening; the rest is the process's. */
export interface Draft {
  /** Stable identity (see stableId); made once where it is left out. */
  readonly id?: string;
  /** When it happened, milliseconds since the epoch. */
  readonly atMs: number;
  readonly class: EnvelopeClass;
  readonly message: string;
  readonly program: string;
  readonly source: string;
  /** Without `notification`, which `notify` adds last. */
  readonly tags: readonly string[];
  readonly notify: boolean;
  /** Where it happened, when that is not here: a report that PanPan passes on. */
  readonly host?: string;
  /** Defaults to the tool's name. */
  readonly type?: string;
  readonly file?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The object named after the tool. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Further top-level fields; ours win. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** For ECS: whether what happened is good or bad. */
  readonly outcome?: "success" | "failure" | "unknown";
}

export interface EventsOptions {
  /** The tool: cuir, fouet or panpan. */
  readonly tool: string;
  readonly host: string;
  readonly version: string;
  readonly format: "logstash" | "ecs";
  readonly labels?: Readonly<Record<string, string>>;
  /** For tests; one life of one process has one. */
  readonly run?: string;
}

export interface Events {
  readonly run: string;
  /** Makes and encodes the next event of this run. */
  create(draft: Draft): Envelope;
}

export function createEvents({
  tool,
  host,
  version,
  format,
  labels = {},
  run = uuidv7(),
}: EventsOptions): Events {
  let seq = 0;
  const common = isEmpty(labels) ? undefined : labels;
  const labelsOf = (draft: Draft) => (draft.labels === undefined ? common : merged(common, draft.labels));
  const shape = format === "ecs" ? toEcs : toLogstash;
  return {
    run,
    create(draft) {
      seq += 1;
      const id = draft.id ?? uuidv7();
      const type = draft.type ?? tool;
      const at = draft.host ?? host;
      const moustash = { schema, id, run, seq, notify: draft.notify, version };
      const document = shape(draft, { tool, type, host: at, labels: labelsOf(draft), moustash });
      return {
        id,
        run,
        seq,
        class: draft.class,
        atMs: draft.atMs,
        route: { type, host: at, program: draft.program },
        body: encode(document),
      };
    },
  };
}

/**
 * One id for one happening, whoever computes it and however often: a name-based UUID (RFC 9562 §5.8, version 8)
 * over the parts, in order.
 */
export function stableId(...parts: readonly (string | number)[]): string {
  const hex = hash("sha256", JSON.stringify(parts), "hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return flat(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  );
}

interface Frame {
  readonly tool: string;
  readonly type: string;
  readonly host: string;
  readonly labels: Labels | undefined;
  readonly moustash: object;
}
type Labels = Readonly<Record<string, string>>;

// Events are made by the hundred thousand: one literal for each, in which what is undefined is not written.

/** The shape of the original's events, with details beside them. */
function toLogstash(draft: Draft, { tool, type, host, labels, moustash }: Frame): object {
  return withFields(draft, {
    "@timestamp": isoOf(draft.atMs),
    "@version": 1,
    message: draft.message,
    host,
    type,
    program: draft.program,
    source: draft.source,
    tags: tagsOf(draft),
    file: draft.file,
    labels,
    [tool]: draft.details,
    moustash,
  });
}

/**
 * The same for indices with templates of the Elastic Common Schema, which refuse a string under `host`, `source`,
 * `file` or `event`. Source: the ECS field reference (base, event, host, service, log).
 */
function toEcs(draft: Draft, { tool, type, host, labels, moustash }: Frame): object {
  return withFields(draft, {
    "@timestamp": isoOf(draft.atMs),
    "@version": 1,
    message: draft.message,
    host: { name: host },
    event: {
      kind: draft.notify ? "alert" : "event",
      module: "moustash",
      dataset: `moustash.${tool}`,
      outcome: draft.outcome ?? "unknown",
    },
    service: { name: draft.program },
    tags: tagsOf(draft),
    log: draft.file === undefined ? undefined : { file: { path: draft.file } },
    labels,
    [tool]: draft.details,
    moustash: { ...moustash, type, program: draft.program, source: draft.source },
  });
}

const tagsOf = ({ tags, notify }: Draft) => (notify ? [...tags, "notification"] : tags);

/** Ours win, where we say anything. */
function withFields({ fields }: Draft, document: object): object {
  if (fields === undefined) return document;
  return {
    ...fields,
    ...Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined)),
  };
}

function merged(common: Labels | undefined, own: Labels): Labels | undefined {
  const labels = { ...common, ...own };
  return isEmpty(labels) ? undefined : labels;
}

/** Most events share their millisecond with the one before. */
function createIso(): (atMs: number) => string {
  let lastMs = NaN;
  let text = "";
  return (atMs) => {
    if (atMs === lastMs) return text;
    text = new Date(atMs).toISOString();
    lastMs = atMs;
    return text;
  };
}
const isoOf = createIso();

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}

/** JSON.stringify writes a lone surrogate as an escape, which strict readers refuse: it becomes U+FFFD. */
const loneSurrogate = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

function encode(document: object): string {
  const json = JSON.stringify(document);
  return json.includes("\\ud") ? json.replaceAll(loneSurrogate, "$1\\ufffd") : json;
}
