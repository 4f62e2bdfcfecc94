// The truth about one change of state, as details of an event and words for people. Pure.
import type { Evidence, Output, ProcessInfo } from "./evidence.ts";
import type { Fact } from "./ledger.ts";
import type { StatePayload } from "./notification.ts";
import type { Course } from "./processes.ts";

/** What was found so far; which of it could be. */
export interface Findings {
  fact?: Fact | undefined;
  info?: ProcessInfo | undefined;
  output?: Output | undefined;
}

/** States that have a death to tell of. */
export const isDeath = ({ state }: StatePayload): boolean =>
  state === "EXITED" || state === "STOPPED" || state === "BACKOFF" || state === "FATAL";

/** supervisord's word where the process did start. */
const tooQuickly = /^Exited too quickly|^Bad exit code/;

/** Details under `fouet`; `evidence` says where from. */
export function truthDetails(
  payload: StatePayload,
  { fact, info, output }: Findings,
  state: { readonly log: Evidence["log"]; readonly waiting: boolean },
): Record<string, unknown> {
  const spawnError = spawnErrorOf(info);
  const status = fact === undefined ? statusOf(payload, info) : undefined;
  const found = fact !== undefined || status !== undefined || spawnError !== undefined;
  const failing = payload.state === "BACKOFF" || payload.state === "FATAL";
  return {
    ...(fact?.exitCode !== undefined && { exit_code: fact.exitCode }),
    ...(fact?.signal !== undefined && { signal: fact.signal }),
    ...(fact?.coreDumped && { core_dumped: true }),
    ...(fact?.cause !== undefined && { cause: fact.cause }),
    ...(fact?.killed && { killed_after_stopwaitsecs: true }),
    ...status,
    ...(failing && spawnError !== undefined && { spawn_error: spawnError }),
    ...(payload.state === "FATAL" && { gave_up: true }),
    ...(fact?.ranMs !== undefined && { ran_ms: fact.ranMs }),
    ...output,
    evidence: evidenceWord({ fact, found, ...state }),
  };
}

/** Why it could not even be spawned; then there is no death to look for in the log. */
export function spawnErrorOf(info: ProcessInfo | undefined): string | undefined {
  return info?.spawnerr && !tooQuickly.test(info.spawnerr) ? info.spawnerr : undefined;
}

function evidenceWord(known: {
  fact: Fact | undefined;
  found: boolean;
  log: Evidence["log"];
  waiting: boolean;
}): string {
  if (known.fact) return "log";
  if (known.waiting) return "pending";
  return known.found ? "status" : "none";
}

/** supervisord forgets the exit status when it starts the process again: only while it is dead is it of this death. */
function statusOf(payload: StatePayload, info: ProcessInfo | undefined): Record<string, unknown> | undefined {
  if (info === undefined || info.statename !== payload.state || info.pid !== 0) return undefined;
  if (payload.state !== "EXITED" && payload.state !== "STOPPED") return undefined;
  return info.exitstatus < 0 ? { signal: "unknown" } : { exit_code: info.exitstatus };
}

/** Details of the process's course: how long it ran, took to start, how often it was started again. */
export function courseDetails(course: Course): Record<string, unknown> {
  return {
    ...(course.ranMs !== undefined && { ran_ms: course.ranMs }),
    ...(course.startedInMs !== undefined && { started_in_ms: course.startedInMs }),
    ...(course.restartsLastHour !== undefined && { restarts_last_hour: course.restartsLastHour }),
  };
}

/** `exited with code 7, not expected, after 3.2 s`; undefined where nothing is known beyond the notification. */
export function truthWords(
  payload: StatePayload,
  details: Readonly<Record<string, unknown>>,
): string | undefined {
  const how = howItEnded(details);
  if (how === undefined) return undefined;
  const ranMs = details["ran_ms"];
  const after =
    typeof ranMs === "number" && details["spawn_error"] === undefined ? ` after ${showDuration(ranMs)}` : "";
  const killed = details["killed_after_stopwaitsecs"] ? " (it outlived stopwaitsecs)" : "";
  switch (payload.state) {
    case "EXITED":
      return `${how}, ${payload.expected === false ? "not expected" : "as expected"},${after}`.replace(
        /,$/,
        "",
      );
    case "STOPPED":
      return `was stopped, ${how}${killed}`;
    case "BACKOFF":
      return `failed to start${payload.tries === undefined ? "" : ` (try ${payload.tries})`}: ${how}${after}`;
    case "FATAL":
      return `could not be started, supervisord gave up: ${how}`;
    default:
      return undefined;
  }
}

function howItEnded(details: Readonly<Record<string, unknown>>): string | undefined {
  const { spawn_error, exit_code, signal, core_dumped, cause } = details as {
    readonly [key in "spawn_error" | "signal" | "cause"]?: string;
  } & { readonly exit_code?: number; readonly core_dumped?: true };
  if (spawn_error !== undefined) return spawn_error;
  if (exit_code !== undefined) return `exited with code ${exit_code}`;
  if (signal === "unknown") return "ended by a signal";
  if (signal !== undefined) return `killed by ${signal}${core_dumped ? ", core dumped" : ""}`;
  return cause;
}

export function showDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
}
