// What is said of a target: drafts of events, with a one-line summary and the evidence. Pure.
import type { Draft } from "../event.ts";
import { isLoopback, literal } from "./address.ts";
import { type Outcome, type Trace, causes } from "./outcome.ts";
import type { Target } from "./target.ts";
import type { Status } from "./transition.ts";

export interface Facts {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly trace: Readonly<Trace>;
  readonly atMs: number;
  readonly status: Status | "unknown";
  readonly previous?: Status | "unknown";
  readonly sinceMs?: number;
  readonly episode?: string;
  readonly number?: number;
  readonly failures?: number;
  /** Whether we run in a container, where 127.0.0.1 is the container itself. */
  readonly inContainer?: boolean;
}

/** What is said: a change of state, a reminder, or one probe of no change. */
export type Occasion = "change" | "reminder" | "probe";

export function draft(facts: Facts, occasion: Occasion, notify: boolean, id?: string): Draft {
  const { target, outcome, status, atMs } = facts;
  const recovered = occasion === "change" && status === "up" && facts.previous !== "new";
  return {
    ...(id === undefined ? undefined : { id }),
    atMs,
    class: occasion === "change" ? "change" : "repeat",
    message: recovered ? `RECOVERED: ${target.informations}` : target.informations,
    program: target.program,
    source: target.source,
    tags: ["cuir", target.program, state(facts), ...(occasion === "reminder" ? ["reminder"] : [])],
    notify,
    ...(target.labels === undefined ? undefined : { labels: target.labels }),
    outcome: outcome.verdict === "unknown" ? "unknown" : outcome.verdict === "down" ? "failure" : "success",
    details: details(facts, occasion),
  };
}

/** The state as a tag; a failure that waits for its confirmation is `failing`. */
function state({ status, outcome }: Facts): string {
  if (outcome.verdict === "unknown") return "unknown";
  return outcome.verdict === "down" && status !== "down" ? "failing" : status;
}

function details(facts: Facts, occasion: Occasion): Record<string, unknown> {
  const { target, outcome, trace, status } = facts;
  const { cause } = outcome;
  return {
    summary: summary(facts, occasion),
    status,
    outcome: outcome.verdict,
    previous: facts.previous,
    since: facts.sinceMs === undefined ? undefined : new Date(facts.sinceMs).toISOString(),
    kind: target.kind,
    cause,
    layer: cause === undefined ? undefined : causes[cause].layer,
    step: trace.step,
    detail: outcome.detail,
    address: trace.address ?? literal(target.host)?.address,
    duration_ms: round(trace.totalMs),
    ms: {
      dns: round(trace.dnsMs),
      connect: round(trace.connectMs),
      tls: round(trace.tlsMs),
      first_byte: round(trace.firstByteMs),
      total: round(trace.totalMs),
    },
    failures: facts.failures,
    episode: facts.episode,
    transition: facts.number,
    dedup_key: `${target.program} ${target.source}`,
    ...outcome.evidence,
  };
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}

const containerHint =
  "in a container that address is the container itself: use the service's name, the host's address, or host networking";

export function summary(facts: Facts, occasion: Occasion): string {
  const { target, outcome, status, atMs, sinceMs } = facts;
  const name = `${target.program} ${target.source}`;
  const why = outcome.cause === undefined ? "" : `: ${causes[outcome.cause].text}`;
  const what = outcome.detail === undefined ? why : `${why} (${outcome.detail})`;
  if (outcome.verdict === "unknown") return `${name} not judged${what}`;
  const hint =
    facts.inContainer && outcome.cause === "refused" && isLoopback(facts.trace.address ?? target.host)
      ? ` (${containerHint})`
      : "";
  if (occasion === "reminder")
    return `${name} still down since ${new Date(sinceMs ?? atMs).toISOString()}${what}${hint}`;
  if (status === "up" && outcome.verdict === "up") return `${name} up`;
  return `${name} ${outcome.verdict === "down" && status !== "down" ? "failing" : status}${what}${hint}`;
}
