// PanPan's settings: each is an option, a PANPAN_* variable and a key of [Panpan].
import {
  type Values,
  optional,
  parseBoolean,
  parseChoice,
  parseCount,
  parseDeadline,
  parseSpan,
  parseText,
  parseUnlessNone,
  setting,
  several,
} from "../setting.ts";
import { parseField } from "./field.ts";
import { parseLevel } from "./level.ts";

export const panpanSettings = {
  message: optional(parseText, "What is said; the same as a bare word, for scripts that prefer options."),
  program: optional(
    parseText,
    "What it is about. Default: `panpan`, or the name of the command that `--run` starts.",
  ),
  source: optional(parseText, "Where it comes from. Default: the host's name."),
  tag: several(parseText, "A tag beside ours. May be given several times."),
  field: several(
    parseField,
    "A field of the event: `k=v` is text, `n:=3` is JSON, `a.b=c` nests. May be given several times.",
  ),
  level: optional(
    parseLevel,
    "How serious it is: debug, info, notice, warning, error, critical, alert, emergency.",
  ),
  notify: optional(
    parseBoolean,
    "Whether a person should hear of it (tag `notification`). Default: no; for `--run`, when the command fails or recovers.",
  ),
  file: optional(parseText, "The file that it is about."),
  type: setting(parseText, "panpan", "The event's `type`."),
  id: optional(
    parseId,
    "The event's id: the same id is the same happening, however often it is sent. Lines add their number.",
  ),
  timeout: setting(
    parseDeadline("1ms"),
    "10s",
    "How long the broker may take before we give up or, with a spool, leave it to later.",
  ),
  require_broker: setting(
    parseBoolean,
    "no",
    "Wait for the broker itself: 75 when the event is only on disk.",
  ),
  whole: setting(parseBoolean, "no", "All of standard input is one event, not one for each line."),
  json: setting(
    parseBoolean,
    "no",
    "Standard input holds objects, one on each line, which become the events.",
  ),
  keep_going: setting(
    parseBoolean,
    "no",
    "With `--json`: lines that are wrong are named, the others are sent; exit 65.",
  ),
  context: setting(
    parseBoolean,
    "no",
    "Add what is known of the container, pod, service, commit and CI job.",
  ),
  dry_run: setting(parseBoolean, "no", "Send nothing: print the exact bytes, and say where they would go."),
  quiet: setting(parseBoolean, "no", "Say nothing but errors."),
  json_output: setting(
    parseBoolean,
    "no",
    "Print one JSON object on standard output: id, where it is, milliseconds.",
  ),
  start: setting(parseBoolean, "no", "With `--run`: an event when the command starts, too."),
  every: setting(
    parseUnlessNone(parseSpan("1s")),
    "none",
    "With `--run`: an event each so often while the command runs.",
  ),
  on: setting(
    parseChoice("always", "fail", "change"),
    "always",
    "With `--run`: which ends are sent: `always`, `fail`, or `change` (from good to bad and back).",
  ),
  after: setting(parseCount(1), "1", "With `--run`: only from the so-manyth failure in a row on."),
  kill_after: setting(
    parseUnlessNone(parseSpan("1ms")),
    "none",
    "With `--run`: end the command after so long: SIGTERM, and SIGKILL 10 s later.",
  ),
  keep_lines: setting(
    parseCount(0, 1000),
    "20",
    "With `--run`: how many last lines of its output the end event holds.",
  ),
  mask: several(
    parseMask,
    "With `--run`: a regular expression; what it matches in those lines becomes `***`; or `none`.",
  ),
} as const;

export type PanpanOptions = Values<typeof panpanSettings>;

/** One letter for what is typed often. */
export const panpanShorts = {
  message: "m",
  program: "p",
  source: "s",
  tag: "t",
  field: "f",
  level: "l",
  notify: "n",
  quiet: "q",
} as const satisfies Partial<Record<keyof typeof panpanSettings, string>>;

/** Elasticsearch refuses a document id of more than 512 bytes; room is left for a line's number. */
export const mostIdBytes = 480;

export function parseId(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error("an id holds no control characters");
  if (Buffer.byteLength(text) > mostIdBytes) throw new Error(`an id has at most ${mostIdBytes} bytes`);
  return text;
}

const nothing = /(?!)/gu;

function parseMask(text: string): RegExp {
  if (parseUnlessNone(parseText)(text) === undefined) return nothing;
  try {
    return new RegExp(text, "gu");
  } catch (error) {
    throw new Error(`"${text}" is no regular expression: ${(error as Error).message}`, { cause: error });
  }
}
