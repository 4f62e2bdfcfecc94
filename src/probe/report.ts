// What is said of a target: drafts of events, with a one-line summary and the evidence. Pure.
import type { Draft } from "../event.ts";
import { isLoopback } from "./address.ts";
import type { Change } from "./evidence.ts";
import { causes } from "./cause.ts";
import type { Outcome, Trace } from "./outcome.ts";
import type { Silence } from "./silence.ts";
import type { Summary } from "./tally.ts";
import { type Target, keyOf } from "./target.ts";
import type { Status } from "./transition.ts";

/**
 * What is said: a change of state, a reminder, a recovery that people could not hear of when it came, one probe of no
 * change, a change too many, a summary, a trial.
 */
export type Occasion = "change" | "reminder" | "recovery" | "probe" | "flapping" | "summary" | "test";

export interface Facts {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly trace?: Readonly<Trace>;
  readonly atMs: number;
  readonly status: Status | "unknown";
  readonly previous?: Status | "unknown" | undefined;
  readonly sinceMs?: number | undefined;
  readonly episode?: string | undefined;
  readonly number?: number | undefined;
  readonly failures?: number | undefined;
  readonly lagMs?: number | undefined;
  readonly intervalMs?: number | undefined;
  readonly history?: readonly string[] | undefined;
  /** What differs from when it was last up. */
  readonly changed?: Change | undefined;
  readonly silence?: Silence | undefined;
  /** The program that it depends on, which is down itself. */
  readonly suppressedBy?: string | undefined;
  readonly flapping?: boolean | undefined;
  readonly flapChanges?: number | undefined;
  readonly summary?: Summary | undefined;
  readonly prober?: string | undefined;
  /** Whether we run in a container, where 127.0.0.1 is the container itself. */
  readonly inContainer?: boolean | undefined;
}

export function draft(facts: Facts, occasion: Occasion, notify: boolean, id?: string): Draft {
  const { target, outcome, status, atMs } = facts;
  const { labels, tags = [] } = target.values;
  return {
    ...(id === undefined ? undefined : { id }),
    atMs,
    class:
      occasion === "probe" || occasion === "summary"
        ? "repeat"
        : occasion === "test"
          ? "message"
          : classOf(occasion),
    message: `${prefix(facts, occasion)}${target.informations}`,
    program: target.program,
    source: target.source,
    tags: ["cuir", target.program, ...states(facts, occasion), ...tags],
    notify,
    ...(labels === undefined ? undefined : { labels }),
    outcome:
      status === "unknown" || outcome.verdict === "unknown"
        ? "unknown"
        : isBad(facts)
          ? "failure"
          : "success",
    details: details(facts, occasion),
  };
}

const classOf = (occasion: Occasion) => (occasion === "reminder" ? "repeat" : "change");

const isBad = ({ status, outcome }: Facts) => status === "down" || outcome.verdict === "down";

/** With these people may hear that a target is up again. */
const ofRecovery: ReadonlySet<Occasion> = new Set(["change", "recovery", "flapping"]);

/** Good news does not read as bad in a pipeline that shows messages alone. */
function prefix({ status, previous, outcome }: Facts, occasion: Occasion): string {
  if (occasion === "test") return "TEST: ";
  const isUp = status === "up" && previous !== "new" && outcome.verdict === "up";
  return isUp && ofRecovery.has(occasion) ? "RECOVERED: " : "";
}

/** The state first, then what else a pipeline may ask for. */
function states(facts: Facts, occasion: Occasion): string[] {
  if (occasion === "test") return ["test"];
  if (occasion === "summary") return ["summary"];
  return [
    facts.outcome.verdict === "unknown" ? "unknown" : stateOf(facts, occasion),
    ...(occasion === "reminder" ? ["reminder"] : []),
    ...(facts.flapping ? ["flapping"] : []),
    ...(facts.silence ? ["silenced"] : []),
    ...(facts.suppressedBy === undefined ? [] : ["suppressed"]),
  ];
}

/** A failure that waits for its confirmation is `failing`; one that completed a change to `degraded` is that. */
function stateOf({ status, outcome }: Facts, occasion: Occasion): string {
  const waits = outcome.verdict === "down" && status !== "down" && status !== "unknown";
  return waits && occasion !== "change" ? "failing" : status;
}

/** The fields under `cuir`, with what each is: docs/CUIR.md is made of this. */
export const fields = {
  summary: "One line for people: `SSH 10.1.2.3:22 down: refused`.",
  status:
    "What the target is held to be: `new`, `up`, `degraded`, `down`; `removed` when it is watched no more.",
  previous: "What it was before (changes).",
  since:
    "When the state before the change began; in reminders, when it went down; in a recovery that is told late, when it came up.",
  outcome: "What this probe alone found: `up`, `degraded`, `down`, or `unknown` for our own trouble.",
  kind: "The kind of probe.",
  url: "The target's URL, where it was written as one.",
  cause: "Why, in one word of the table of causes.",
  layer: "Where that cause lives: `prober`, `name`, `network`, `tls`, `application`, `rule`.",
  step: "How far the probe came: `resolve`, `connect`, `tls`, `send`, `receive`, `done`.",
  detail: "What was said or seen; cleaned, one line, 200 characters.",
  address: "The address that was asked.",
  duration_ms: "How long the probe took, all phases.",
  ms: "Milliseconds by phase: `dns`, `connect`, `tls`, `first_byte`, `total`.",
  failures: "Failed probes in a row.",
  episode: "One id from down to up.",
  transition: "The number of the change: it grows, and is on disk before it is sent.",
  dedup_key: "Program and source: equal across replicas.",
  prober: "The host of the Cuir that says so.",
  round: "The number of the interval since 1970: equal across replicas with the same interval.",
  due: "When the probe was due.",
  started: "When it started: up to 2 ms before due, or later by a slow prober.",
  lag_ms: "How much later, never below 0.",
  history: "The last outcomes before the change, oldest first.",
  changed: "What differs from when it was last up (address, certificate, banner, …): `before` and `now`.",
  replaced: "Changes before this one that were never sent, since delivery stood still.",
  severity: "As configured.",
  runbook_url: "As configured.",
  silence: "Until when and why people are not told.",
  suppressed_by: "The program that it depends on and that is down.",
  flap_changes: "Changes since it began to flap.",
  counts:
    "In summaries, of the probes that could be judged: `count`, `lost`, `loss_percent`, `min_ms`, `p50_ms`, `p99_ms`, `max_ms`.",
} as const;

function details(facts: Facts, occasion: Occasion): Partial<Record<keyof typeof fields, unknown>> {
  const { target, outcome, trace, silence, intervalMs, lagMs = 0 } = facts;
  const { cause } = outcome;
  const startedMs = trace === undefined ? undefined : facts.atMs - (trace.totalMs ?? 0);
  const dueMs = startedMs === undefined ? undefined : startedMs - lagMs;
  const told = {
    summary: summarise(facts, occasion),
    status: facts.status,
    previous: facts.previous,
    since: iso(facts.sinceMs),
    outcome: outcome.verdict,
    kind: target.kind,
    url: target.url,
    cause,
    layer: cause === undefined ? undefined : causes[cause].layer,
    detail: outcome.detail,
    failures: facts.failures,
    episode: facts.episode,
    transition: facts.number,
    dedup_key: keyOf(target),
    prober: facts.prober,
    history: facts.history,
    changed: facts.changed,
    severity: target.values.severity,
    runbook_url: target.values.runbook_url,
    silence: silence && { until: iso(silence.untilMs), reason: silence.reason },
    suppressed_by: facts.suppressedBy,
    flap_changes: facts.flapChanges,
    counts: facts.summary,
  };
  if (trace === undefined) return told;
  return {
    ...told,
    step: trace.step,
    address: trace.address,
    duration_ms: round(trace.totalMs),
    ms: {
      dns: round(trace.dnsMs),
      connect: round(trace.connectMs),
      tls: round(trace.tlsMs),
      first_byte: round(trace.firstByteMs),
      total: round(trace.totalMs),
    },
    round: dueMs === undefined || intervalMs === undefined ? undefined : Math.floor(dueMs / intervalMs),
    due: iso(dueMs),
    started: iso(startedMs),
    lag_ms: round(Math.max(0, lagMs)),
    ...outcome.evidence,
  };
}

const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
const round = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms * 1000) / 1000);

const containerHint =
  "in a container that address is the container itself: use the service's name, the host's address, or host networking";

export function summarise(facts: Facts, occasion: Occasion): string {
  const { target, outcome, status, summary } = facts;
  const name = `${target.program} ${target.source}`;
  if (occasion === "test") return `${name}: a trial, nothing happened`;
  if (occasion === "summary" && summary !== undefined) {
    if (summary.count === 0) return `${name} ${status}: no probe could be judged`;
    const times = summary.p50_ms === undefined ? "" : `, p50 ${summary.p50_ms} ms, p99 ${summary.p99_ms} ms`;
    const probes = summary.count === 1 ? "1 probe" : `${summary.count} probes`;
    return `${name} ${status}: ${probes}, ${summary.loss_percent} % lost${times}`;
  }
  const why = outcome.cause === undefined ? "" : `: ${causes[outcome.cause].text}`;
  const what = outcome.detail === undefined ? why : `${why} (${outcome.detail})`;
  if (outcome.verdict === "unknown") return `${name} not judged${what}`;
  if (occasion === "flapping") return `${name} flapped ${facts.flapChanges} times, now ${status}${what}`;
  const hint =
    facts.inContainer && outcome.cause === "refused" && isLoopback(facts.trace?.address ?? target.host)
      ? ` (${containerHint})`
      : "";
  const because = facts.suppressedBy === undefined ? "" : `; depends on ${facts.suppressedBy}, which is down`;
  if (occasion === "recovery") return `${name} up since ${iso(facts.sinceMs)}`;
  if (occasion === "reminder")
    return `${name} still ${status} since ${iso(facts.sinceMs)}${what}${hint}${because}`;
  return `${name} ${stateOf(facts, occasion)}${what}${hint}${because}`;
}
