// The Event: one Logstash document for one happening. createEvents() gives one process its run and its seq.
import { createHash, randomUUIDv7 } from "node:crypto";
import type { Envelope, EnvelopeClass } from "./envelope.ts";

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
  run = randomUUIDv7(),
}: EventsOptions): Events {
  let seq = 0;
  const shape = format === "ecs" ? toEcs : toLogstash;
  return {
    run,
    create(draft) {
      seq += 1;
      const id = draft.id ?? randomUUIDv7();
      const type = draft.type ?? tool;
      const at = draft.host ?? host;
      const moustash = { schema, id, run, seq, notify: draft.notify, version };
      const document = shape(
        { ...draft, type, labels: { ...labels, ...draft.labels } },
        { tool, host: at, moustash },
      );
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
  const hex = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

interface Frame {
  tool: string;
  host: string;
  moustash: object;
}
type Completed = Draft & { type: string; labels: Readonly<Record<string, string>> };

/** The shape of the original's events, with details beside them. */
function toLogstash(draft: Completed, { tool, host, moustash }: Frame): object {
  return {
    ...draft.fields,
    "@timestamp": new Date(draft.atMs).toISOString(),
    "@version": 1,
    message: draft.message,
    host,
    type: draft.type,
    program: draft.program,
    source: draft.source,
    tags: draft.notify ? [...draft.tags, "notification"] : draft.tags,
    ...(draft.file === undefined ? undefined : { file: draft.file }),
    ...(isEmpty(draft.labels) ? undefined : { labels: draft.labels }),
    ...(draft.details === undefined ? undefined : { [tool]: draft.details }),
    moustash,
  };
}

/**
 * The same for indices with templates of the Elastic Common Schema, which refuse a string under `host`, `source`,
 * `file` or `event`. Source: the ECS field reference (base, event, host, service, log).
 */
function toEcs(draft: Completed, { tool, host, moustash }: Frame): object {
  return {
    ...draft.fields,
    "@timestamp": new Date(draft.atMs).toISOString(),
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
    tags: draft.notify ? [...draft.tags, "notification"] : draft.tags,
    ...(draft.file === undefined ? undefined : { log: { file: { path: draft.file } } }),
    ...(isEmpty(draft.labels) ? undefined : { labels: draft.labels }),
    ...(draft.details === undefined ? undefined : { [tool]: draft.details }),
    moustash: { ...moustash, type: draft.type, program: draft.program, source: draft.source },
  };
}

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}

/** JSON.stringify writes a lone surrogate as an escape, which strict readers refuse: it becomes U+FFFD. */
const loneSurrogate = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

function encode(document: object): string {
  const json = JSON.stringify(document);
  return json.includes("\\ud") ? json.replaceAll(loneSurrogate, "$1\\ufffd") : json;
}
