// Events that no notification says: losses, what was missed and made up for, late evidence, digests of flapping. Pure.
import { type Draft, stableId } from "../event.ts";
import { notificationId, type Origin, processName } from "./drafts.ts";
import type { ProcessInfo } from "./evidence.ts";
import type { Digest } from "./flapping.ts";
import type { Loss } from "./journal.ts";
import type { Notification, ProcessState, StatePayload } from "./notification.ts";
import type { Known } from "./processes.ts";
import { createRanges, showRanges } from "./ranges.ts";
import { showDuration, truthWords } from "./truth.ts";

/** A loss is told by an event of its own, before the event that revealed it. */
export function lossDraft(
  loss: Loss,
  revealedBy: Notification,
  origin: Origin,
  { notify, discarded = [] }: { readonly notify: boolean; readonly discarded?: readonly number[] },
): Draft {
  const { pool, server, serial } = revealedBy.header;
  const count = loss.least === loss.most ? `${loss.most}` : `${loss.least} to ${loss.most}`;
  const why =
    loss.cause === "overflow"
      ? "supervisord's buffer was full (raise buffer_size)"
      : "supervisord reloaded and threw its buffer away";
  // The log names each serial that was thrown away; without it, they lie among these.
  const [first, last] = loss.serials ?? [0, Infinity];
  const named = createRanges([], 1000);
  for (const serial of discarded) if (serial >= first && serial <= last) named.add(serial);
  const namedCount = named.list().reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const exact = loss.cause === "overflow" && namedCount === loss.most;
  return {
    id: stableId("fouet", origin.host, origin.life, "lost", pool, serial),
    atMs: origin.arrivedMs,
    class: "loss",
    message: "lost",
    program: "supervisord",
    source: pool,
    tags: ["fouet", "supervisord", "lost"],
    notify,
    outcome: "failure",
    details: {
      summary: `${count} ${loss.most === 1 ? "event" : "events"} for ${pool} lost: ${why}`,
      cause: loss.cause,
      least: loss.least,
      most: loss.most,
      ...(loss.poolSerials && { poolserials: showRanges([loss.poolSerials]) }),
      ...(loss.serials && { serials: showRanges(exact ? named.list() : [loss.serials]) }),
      exact,
      revealed_by: serial,
      server,
      pool,
      life: origin.life,
      ...streamOf(origin),
    },
  };
}

/** What came to light after the event of a death had to go: names that event. */
export function evidenceDraft(
  notification: Notification,
  payload: StatePayload,
  origin: Origin,
  details: Readonly<Record<string, unknown>>,
): Draft {
  const of = notificationId(origin, notification.header.serial);
  const name = processName(payload.group, payload.process);
  return {
    id: stableId("fouet", origin.host, origin.life, notification.header.serial, "evidence"),
    atMs: origin.arrivedMs,
    class: "repeat",
    message: "evidence",
    program: payload.process,
    source: notification.header.pool,
    tags: ["fouet", payload.process, "evidence"],
    notify: false,
    details: {
      summary: `${name} ${truthWords(payload, details) ?? "left its last words"}`,
      of,
      processname: payload.process,
      groupname: payload.group,
      state: payload.state,
      ...(payload.pid !== undefined && { pid: payload.pid }),
      ...details,
      serial: notification.header.serial,
      pool: notification.header.pool,
      life: origin.life,
      ...streamOf(origin),
    },
  };
}

/** The present state of a process whose change nobody told us. */
export function syntheticDraft(
  info: ProcessInfo,
  before: Known | undefined,
  origin: Origin,
  pool: string,
  tagging: { readonly notify: boolean; readonly recovered: boolean },
): Draft {
  const name = processName(info.group, info.name);
  const running = info.statename === "RUNNING";
  const seconds = running ? info.start : info.stop;
  const same = before?.state === info.statename ? "again " : "";
  const failed = info.statename === "EXITED" && info.exitstatus !== 0;
  return {
    id: stableId(
      "fouet",
      origin.host,
      origin.life,
      "synthetic",
      info.group,
      info.name,
      info.statename,
      info.pid,
      info.start,
      info.stop,
    ),
    atMs: seconds > 0 ? seconds * 1000 : origin.arrivedMs,
    class: "change",
    message: `PROCESS_STATE_${info.statename}`,
    program: info.name,
    source: pool,
    tags: [
      "fouet",
      info.name,
      info.statename.toLowerCase(),
      "synthetic",
      ...(tagging.recovered ? ["recovered"] : []),
    ],
    notify: tagging.notify,
    outcome: running ? "success" : failed || info.statename === "FATAL" ? "failure" : "unknown",
    details: {
      summary: `${name} is ${same}${info.statename}${before ? ` (was ${before.state} when last heard of)` : ""}; the change itself was missed`,
      synthetic: true,
      processname: info.name,
      groupname: info.group,
      state: info.statename,
      ...(before && { from_state: before.state }),
      ...(info.pid > 0 && { pid: info.pid }),
      ...(info.statename === "EXITED" &&
        (info.exitstatus < 0 ? { signal: "unknown" } : { exit_code: info.exitstatus })),
      ...(info.spawnerr !== "" && { spawn_error: info.spawnerr }),
      pool,
      life: origin.life,
      ...streamOf(origin),
    },
  };
}

/** `state`: what the process is now, where that is known; calm may be a grave's. */
export function digestDraft(
  digest: Digest,
  origin: Origin,
  pool: string,
  state: ProcessState = "RUNNING",
): Draft {
  const name = processName(digest.group, digest.process);
  const runs = state === "RUNNING";
  const counts = Object.entries(digest.counts)
    .map(([state, count]) => `${count} × ${state}`)
    .join(", ");
  const lasted = showDuration(digest.untilMs - digest.sinceMs);
  return {
    id: stableId("fouet", origin.host, origin.life, "flapping", digest.group, digest.process, digest.sinceMs),
    atMs: digest.untilMs,
    class: "change",
    message: "flapping",
    program: digest.process,
    source: pool,
    tags: [
      "fouet",
      digest.process,
      ...(digest.over ? ["calm", ...(runs ? [] : [state.toLowerCase()])] : ["flapping"]),
    ],
    notify: true,
    outcome: !digest.over ? "failure" : runs ? "success" : state === "STOPPED" ? "unknown" : "failure",
    details: {
      summary: digest.over
        ? `${name} is calm${runs ? "" : `, but ${state}`}: nothing happened for ${lasted}`
        : `${name} is flapping: ${counts} in ${lasted}`,
      processname: digest.process,
      groupname: digest.group,
      state,
      counts: digest.counts,
      since: new Date(digest.sinceMs).toISOString(),
      over: digest.over,
      pool,
      life: origin.life,
      ...streamOf(origin),
    },
  };
}

const streamOf = ({ stream }: Origin) => (stream === undefined ? {} : { stream });
