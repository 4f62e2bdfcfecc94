// Notifications and losses as drafts of events: message, tags, class, and everything carried under `fouet`. Pure.
import { type Draft, stableId } from "../event.ts";
import type { EnvelopeClass } from "../envelope.ts";
import type { Notification, Payload, StatePayload } from "./notification.ts";
import { flat } from "../flat.ts";
import { cleanText, maskSecrets } from "./output.ts";

export interface Origin {
  readonly host: string;
  readonly life: string;
  readonly arrivedMs: number;
  /** Where notifications come in over several ways: which one. */
  readonly stream?: string;
}

/** The same notification gives the same id, however often it comes; never two the same. */
export function notificationId(origin: Origin, serial: number): string {
  return stableId("fouet", origin.host, origin.life, serial);
}

export interface DraftOptions {
  readonly notify: boolean;
  readonly logBytes: number;
  readonly mask?: RegExp | undefined;
  /** What is known beside the notification. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The summary after the process's name, where more is known than the notification says. */
  readonly words?: string | undefined;
  readonly tags?: readonly string[];
}

export function draftOf(notification: Notification, origin: Origin, options: DraftOptions): Draft {
  const { header, payload } = notification;
  const about = describe(payload, header.eventName);
  const { data, cut } = cutData(payload, options);
  const truncated = notification.truncated || cut;
  return {
    id: notificationId(origin, header.serial),
    atMs: payload.kind === "tick" && payload.whenMs !== undefined ? payload.whenMs : origin.arrivedMs,
    class: about.class,
    message: header.eventName,
    program: about.program,
    source: header.pool,
    tags: ["fouet", about.program, ...about.tags, ...(options.tags ?? [])],
    notify: options.notify,
    outcome: about.outcome ?? "unknown",
    details: withOther(notification, {
      summary: flat(
        options.words === undefined || payload.kind !== "state"
          ? about.summary
          : `${processName(payload.group, payload.process)} ${options.words}`,
      ),
      ...payloadDetails(payload),
      ...options.details,
      data,
      truncated: truncated || undefined,
      ver: header.version,
      server: header.server,
      serial: header.serial,
      pool: header.pool,
      poolserial: header.poolSerial,
      eventname: header.eventName,
      len: header.length,
      life: origin.life,
      stream: origin.stream,
    }),
  };
}

/** Keys that supervisord may add one day come first: ours win, where we say anything. */
function withOther({ header, payload }: Notification, ours: Details): Details {
  const other = "other" in payload ? { ...header.other, ...payload.other } : header.other;
  if (Object.keys(other).length === 0) return ours;
  const said = Object.entries(ours).filter(([, value]) => value !== undefined);
  return { ...other, ...Object.fromEntries(said) };
}

/** What is undefined is not written. */
type Details = Readonly<Record<string, unknown>>;

interface About {
  readonly class: EnvelopeClass;
  readonly program: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly outcome?: "success" | "failure";
}

const supervisord = "supervisord";

function describe(payload: Payload, eventName: string): About {
  switch (payload.kind) {
    case "state":
      return {
        class: "change",
        program: payload.process,
        tags: [payload.state.toLowerCase()],
        summary: `${processName(payload.group, payload.process)} ${stateWords(payload)}`,
        ...stateOutcome(payload),
      };
    case "log":
      return {
        class: "repeat",
        program: payload.process,
        tags: ["log", payload.channel],
        summary: `${processName(payload.group, payload.process)} wrote to ${payload.channel}`,
      };
    case "communication":
      return {
        class: "message",
        program: payload.process,
        tags: ["communication", payload.channel],
        summary: `${processName(payload.group, payload.process)} says something on ${payload.channel}`,
      };
    case "remote":
      return {
        class: "message",
        program: supervisord,
        tags: ["remote"],
        summary: `remote communication of type ${payload.type}`,
      };
    case "group":
      return {
        class: "change",
        program: payload.group,
        tags: ["group", payload.change],
        summary: `group ${payload.group} was ${payload.change}`,
      };
    case "supervisor":
      return {
        class: "change",
        program: supervisord,
        tags: [payload.state],
        summary: `supervisord is ${payload.state}`,
      };
    case "tick":
      return {
        class: "repeat",
        program: supervisord,
        tags: ["tick"],
        summary: `supervisord's heartbeat of every ${payload.periodS} s`,
      };
    case "unknown":
      return {
        class: "change",
        program: supervisord,
        tags: ["unknown"],
        summary: `${eventName}, which Fouet does not know`,
      };
  }
}

/** As supervisorctl says it: `group:process`, or the one name where both are the same. */
export function processName(group: string, process: string): string {
  return group === process ? process : `${group}:${process}`;
}

function stateWords({ state, from, tries, expected, pid }: StatePayload): string {
  const was = from ? ` (was ${from}${pid === undefined ? "" : `, pid ${pid}`})` : "";
  switch (state) {
    case "STARTING":
      return tries ? `is starting again after ${tries} failed starts${was}` : `is starting${was}`;
    case "RUNNING":
      return `is running${was}`;
    case "BACKOFF":
      return `failed to start, ${tries === 1 ? "once" : `${tries ?? "several"} times`} in a row${was}`;
    case "STOPPING":
      return `is being stopped${was}`;
    case "STOPPED":
      return `stopped${was}`;
    case "EXITED":
      return expected === false ? `exited unexpectedly${was}` : `exited as expected${was}`;
    case "FATAL":
      return `could not be started, supervisord gave up${was}`;
    case "UNKNOWN":
      return `is in a state that supervisord does not know${was}`;
  }
}

function stateOutcome({ state, expected }: StatePayload): Pick<About, "outcome"> {
  if (state === "RUNNING") return { outcome: "success" };
  if (state === "EXITED") return { outcome: expected === false ? "failure" : "success" };
  if (state === "FATAL" || state === "BACKOFF" || state === "UNKNOWN") return { outcome: "failure" };
  return {};
}

/** supervisord's own names where it has some. */
function payloadDetails(payload: Payload): Record<string, unknown> {
  switch (payload.kind) {
    case "state":
      return {
        processname: payload.process,
        groupname: payload.group,
        state: payload.state,
        from_state: payload.from,
        pid: payload.pid,
        tries: payload.tries,
        expected: payload.expected,
      };
    case "log":
    case "communication":
      return {
        processname: payload.process,
        groupname: payload.group,
        channel: payload.channel,
        ...(payload.pid !== undefined && { pid: payload.pid }),
      };
    case "remote":
      return { type: payload.type };
    case "group":
      return { groupname: payload.group };
    case "tick":
      return payload.whenMs === undefined ? {} : { when: payload.whenMs / 1000 };
    case "supervisor":
      return { state: payload.state };
    case "unknown":
      return {};
  }
}

function cutData(payload: Payload, { logBytes, mask }: DraftOptions): { data?: string; cut: boolean } {
  const text = "data" in payload ? payload.data : payload.kind === "unknown" ? payload.text : undefined;
  if (text === undefined) return { cut: false };
  const cut = text.length > logBytes;
  const kept = cut ? text.slice(0, logBytes) : text;
  return { data: payload.kind === "log" ? maskSecrets(cleanText(kept), mask) : kept, cut };
}
