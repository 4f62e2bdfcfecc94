// The [Fouet] settings: how supervisord reaches us, what is gathered about a death, what a person should hear of.
import {
  optional,
  parseBoolean,
  parseChoice,
  parseCount,
  parseDeadline,
  parseList,
  parseSizeBytes,
  parseSpan,
  parseText,
  parseUnlessNone,
  setting,
  type Values,
} from "../setting.ts";

/** Where relays connect: a unix socket's path, or host and port. */
export type Listening =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** `/run/moustash/fouet.sock`, `127.0.0.1:9799`, `[::1]:9799`. */
export function parseListening(text: string): Listening {
  if (text.startsWith("unix:")) return parseListening(text.slice(5));
  if (text.startsWith("/")) return { kind: "unix", path: text };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number < 1 || number > 65_535) {
    throw new Error(`"${text}" is neither a socket's path (/run/moustash/fouet.sock) nor host:port`);
  }
  return { kind: "tcp", host: (bracketed ?? plain)!, port: number };
}

/** `0660` to its number. */
function parseMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new Error(`"${text}" is no mode: write 0660`);
  return Number.parseInt(text, 8);
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "giu");
  } catch (cause) {
    throw new Error(`"${text}" is no regular expression: ${(cause as Error).message}`, { cause });
  }
}

const stdioOrSockets = (text: string): readonly Listening[] =>
  /^stdio$/i.test(text) ? [] : parseList(parseListening)(text);

export const fouetSettings = {
  listen: setting(
    stdioOrSockets,
    "stdio",
    "`stdio` where supervisord runs Fouet itself; else the sockets that its relays connect to: paths of unix sockets, or host:port, separated by commas.",
  ),
  socket_mode: setting(parseMode, "0660", "Who may connect to a unix socket: its mode."),
  socket_group: optional(
    parseUnlessNone(parseText),
    "The group, name or number, that a unix socket is given.",
  ),
  listen_beyond_loopback: setting(
    parseBoolean,
    "off",
    "Whether a TCP address other than loopback may be listened on: whoever reaches it can write events.",
  ),
  supervisor_url: optional(
    parseUnlessNone(parseText),
    "supervisord's HTTP server, `http://127.0.0.1:9001` or `unix:///run/supervisor.sock`, for the truth about deaths; `none` for no such requests. Default: what supervisord tells its children (SUPERVISOR_SERVER_URL).",
  ),
  supervisor_username: optional(parseUnlessNone(parseText), "The user of that HTTP server."),
  supervisor_password: optional(parseText, "Its password.", { secret: true }),
  notify: setting(
    parseChoice("faults", "all", "none"),
    "faults",
    "What is tagged for people: `faults` (unexpected exits, FATAL, BACKOFF, recovery after them, loss), `all` (every change of state: the original's way) or `none`.",
  ),
  backoff_tries: setting(parseCount(1), "3", "From which failed start on a BACKOFF is tagged for people."),
  flap_count: setting(
    parseUnlessNone(parseCount(2)),
    "5",
    "How many notifications of one process within `flap_within` make it flapping: from then on people get one digest each `flap_within`, and FATAL. `none`: never.",
  ),
  flap_within: setting(
    parseSpan("1s"),
    "10m",
    "The time in which `flap_count` counts, and between two digests.",
  ),
  evidence_within: setting(
    parseDeadline("0"),
    "300ms",
    "How long an event waits for the truth about a death from supervisord's log; what comes later follows in a second event.",
  ),
  output_bytes: setting(
    parseUnlessNone(parseSizeBytes),
    "1KB",
    "How much of a dead process's last stderr and stdout an event carries, 1 KB at most (supervisord gives no more); `none` for nothing.",
  ),
  log_bytes: setting(
    parseSizeBytes,
    "64KB",
    "How much of the text in PROCESS_LOG and PROCESS_COMMUNICATION events is kept.",
  ),
  mask: optional(
    parseUnlessNone(parsePattern),
    "A regular expression: what it matches in the output of processes becomes `••••`, beside what looks like a password or token; or `none`.",
  ),
} as const;

export type FouetSettings = Values<typeof fouetSettings>;
