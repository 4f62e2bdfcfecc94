// What supervisord notifies of: header and payload as typed values, for every event name that supervisord knows. Pure.
// Source: supervisor 4.2.5, supervisor/events.py and process.py (EventListenerPool._eventEnvelope).

/** The header line. Keys that we do not know are kept in `other`. */
export interface Header {
  readonly version: string;
  /** supervisord's `identifier`: "supervisor" unless somebody changed it. */
  readonly server: string;
  /** Global to one life of supervisord; a gap is normal. */
  readonly serial: number;
  readonly pool: string;
  /** Counts within one pool, from 0 again after a reload; a gap is a loss. */
  readonly poolSerial: number | undefined;
  readonly eventName: string;
  /** Of the payload: Unicode code points (Python's supervisord) or bytes (the one in Go). */
  readonly length: number;
  readonly other: Readonly<Record<string, string>>;
}

export interface Notification {
  readonly header: Header;
  readonly payload: Payload;
  /** Whether the payload's end was cut off, for it was longer than we keep. */
  readonly truncated: boolean;
}

export type ProcessState =
  | "STOPPED"
  | "STARTING"
  | "RUNNING"
  | "BACKOFF"
  | "STOPPING"
  | "EXITED"
  | "FATAL"
  | "UNKNOWN";

type Other = Readonly<Record<string, string>>;

export interface StatePayload {
  readonly kind: "state";
  readonly process: string;
  readonly group: string;
  readonly state: ProcessState;
  readonly from: string;
  readonly pid?: number;
  /** STARTING and BACKOFF: failed starts so far. */
  readonly tries?: number;
  /** EXITED: whether the exit code was one of `exitcodes`. */
  readonly expected?: boolean;
  readonly other: Other;
}

/** What a process wrote (log), or said between supervisord's tokens (communication). */
export interface OutputPayload {
  readonly kind: "log" | "communication";
  readonly process: string;
  readonly group: string;
  readonly channel: "stdout" | "stderr";
  readonly pid?: number;
  readonly data: string;
  readonly other: Other;
}

export interface RemotePayload {
  readonly kind: "remote";
  readonly type: string;
  readonly data: string;
  readonly other: Other;
}

export interface GroupPayload {
  readonly kind: "group";
  readonly group: string;
  readonly change: "added" | "removed";
  readonly other: Other;
}

export interface SupervisorPayload {
  readonly kind: "supervisor";
  readonly state: "running" | "stopping";
}

export interface TickPayload {
  readonly kind: "tick";
  readonly periodS: number;
  readonly whenMs?: number;
  readonly other: Other;
}

/** An event name that we do not know: a plugin's, or a later supervisord's. */
export interface UnknownPayload {
  readonly kind: "unknown";
  readonly text: string;
}

export type Payload =
  | StatePayload
  | OutputPayload
  | RemotePayload
  | GroupPayload
  | SupervisorPayload
  | TickPayload
  | UnknownPayload;

/** `key:value key:value`, each split on its first colon; a word without one goes on with the value before it. */
export function parseTokens(line: string): Map<string, string> {
  const tokens = new Map<string, string>();
  let last: string | undefined;
  for (const word of line.split(" ")) {
    const colon = word.indexOf(":");
    if (colon > 0) {
      last = word.slice(0, colon);
      tokens.set(last, word.slice(colon + 1));
    } else if (last !== undefined) {
      tokens.set(last, `${tokens.get(last)} ${word}`);
    }
  }
  return tokens;
}

/** Undefined where the line is no header: `len`, `serial` and `eventname` must be there, in any order. */
export function parseHeader(line: string): Header | undefined {
  const tokens = parseTokens(line.trimEnd());
  const length = wholeNumber(tokens.get("len"));
  const serial = wholeNumber(tokens.get("serial"));
  const said = tokens.get("eventname");
  // Our own text in place of a part of the line: sooner written as JSON.
  const eventName = said && (names.get(said) ?? said);
  if (length === undefined || serial === undefined || !eventName) return undefined;
  return {
    version: tokens.get("ver") ?? "",
    server: tokens.get("server") ?? "",
    serial,
    pool: tokens.get("pool") ?? "",
    poolSerial: wholeNumber(tokens.get("poolserial")),
    eventName,
    length,
    other: rest(tokens, "ver", "server", "serial", "pool", "poolserial", "eventname", "len"),
  };
}

/** A payload that is not of its event's form is kept as text, never refused: supervisord would send it for ever. */
export function parsePayload(eventName: string, text: string): Payload {
  return readers.get(eventName)?.(text) ?? { kind: "unknown", text };
}

type Reader = (text: string) => Payload | undefined;

function state(state: ProcessState): Reader {
  return (text) => {
    const tokens = parseTokens(text.trimEnd());
    const process = tokens.get("processname");
    if (process === undefined) return undefined;
    const pid = wholeNumber(tokens.get("pid"));
    const tries = wholeNumber(tokens.get("tries"));
    const expected = tokens.get("expected");
    return {
      kind: "state",
      process,
      group: tokens.get("groupname") ?? process,
      state,
      from: tokens.get("from_state") ?? "",
      ...(pid !== undefined && { pid }),
      ...(tries !== undefined && { tries }),
      ...(expected !== undefined && { expected: expected !== "0" }),
      other: rest(tokens, "processname", "groupname", "from_state", "pid", "tries", "expected"),
    };
  };
}

function output(kind: "log" | "communication", channel: "stdout" | "stderr"): Reader {
  return (text) => {
    const [line, data] = split(text);
    const tokens = parseTokens(line);
    const process = tokens.get("processname");
    if (process === undefined) return undefined;
    const pid = wholeNumber(tokens.get("pid"));
    return {
      kind,
      process,
      group: tokens.get("groupname") ?? process,
      channel,
      ...(pid !== undefined && { pid }),
      data,
      other: rest(tokens, "processname", "groupname", "pid", "channel"),
    };
  };
}

function remote(text: string): Payload | undefined {
  const [line, data] = split(text);
  // A type is free text, given over XML-RPC: it may hold spaces and colons.
  return line.startsWith("type:") ? { kind: "remote", type: line.slice(5), data, other: {} } : undefined;
}

function group(change: "added" | "removed"): Reader {
  return (text) => {
    const tokens = parseTokens(text.trimEnd());
    const group = tokens.get("groupname");
    if (group === undefined) return undefined;
    return { kind: "group", group, change, other: rest(tokens, "groupname") };
  };
}

function tick(periodS: number): Reader {
  return (text) => {
    const tokens = parseTokens(text.trimEnd());
    const when = wholeNumber(tokens.get("when"));
    const whenMs = when === undefined ? undefined : when * 1000;
    const sound = whenMs !== undefined && whenMs <= 8.64e15;
    return { kind: "tick", periodS, ...(sound && { whenMs }), other: rest(tokens, "when") };
  };
}

const supervisor =
  (state: "running" | "stopping"): Reader =>
  () => ({ kind: "supervisor", state });

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["PROCESS_STATE_STOPPED", state("STOPPED")],
  ["PROCESS_STATE_STARTING", state("STARTING")],
  ["PROCESS_STATE_RUNNING", state("RUNNING")],
  ["PROCESS_STATE_BACKOFF", state("BACKOFF")],
  ["PROCESS_STATE_STOPPING", state("STOPPING")],
  ["PROCESS_STATE_EXITED", state("EXITED")],
  ["PROCESS_STATE_FATAL", state("FATAL")],
  ["PROCESS_STATE_UNKNOWN", state("UNKNOWN")],
  ["PROCESS_LOG_STDOUT", output("log", "stdout")],
  ["PROCESS_LOG_STDERR", output("log", "stderr")],
  ["PROCESS_COMMUNICATION_STDOUT", output("communication", "stdout")],
  ["PROCESS_COMMUNICATION_STDERR", output("communication", "stderr")],
  ["REMOTE_COMMUNICATION", remote],
  ["PROCESS_GROUP_ADDED", group("added")],
  ["PROCESS_GROUP_REMOVED", group("removed")],
  ["SUPERVISOR_STATE_CHANGE_RUNNING", supervisor("running")],
  ["SUPERVISOR_STATE_CHANGE_STOPPING", supervisor("stopping")],
  ["TICK_5", tick(5)],
  ["TICK_60", tick(60)],
  ["TICK_3600", tick(3600)],
]);

/** Every event name that has a reader, for tests and docs. */
export const eventNames: readonly string[] = [...readers.keys()];
const names = new Map(eventNames.map((name) => [name, name]));

function split(text: string): [line: string, data: string] {
  const end = text.indexOf("\n");
  return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const nothing: Other = {};

function rest(tokens: ReadonlyMap<string, string>, ...known: string[]): Other {
  for (const key of tokens.keys())
    if (!known.includes(key))
      return Object.fromEntries([...tokens].filter(([other]) => !known.includes(other)));
  return nothing;
}
