// A target as it stands now, for those who look: the page, metrics.
import type { Evidence } from "./outcome.ts";
import type { Silence } from "./silence.ts";
import type { Subject } from "./subject.ts";
import type { Status } from "./transition.ts";

export interface Snapshot {
  readonly target: {
    readonly program: string;
    readonly kind: string;
    readonly source: string;
    readonly informations: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly severity?: string;
    readonly runbookUrl?: string;
  };
  readonly status: Status;
  /** Whether the last probe told anything. */
  readonly known: boolean;
  /** Since when it stands so; where it is not known, since when it is not. */
  readonly sinceMs?: number;
  readonly cause?: string;
  readonly detail?: string;
  /** What the last probe said of itself beside its verdict. */
  readonly evidence?: Evidence;
  readonly probes: number;
  readonly failures: number;
  readonly missed: number;
  readonly lagMs: number;
  readonly lastMs?: number;
  readonly flapping: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly silence?: Silence;
}

export function snapshotOf(subject: Subject, silence: Silence | undefined): Snapshot {
  const { program, kind, source, informations, values } = subject.target;
  const sinceMs = subject.memory && (subject.blindSinceMs ?? subject.memory.sinceMs);
  return {
    target: {
      program,
      kind,
      source,
      informations,
      ...(values.labels && { labels: values.labels }),
      ...(values.severity === undefined ? undefined : { severity: values.severity }),
      ...(values.runbook_url === undefined ? undefined : { runbookUrl: values.runbook_url }),
    },
    status: subject.progress.status,
    known: subject.progress.blind === 0,
    ...(sinceMs === undefined ? undefined : { sinceMs }),
    ...(subject.cause === undefined ? undefined : { cause: subject.cause }),
    ...(subject.detail === undefined ? undefined : { detail: subject.detail }),
    ...(subject.evidence && { evidence: subject.evidence }),
    probes: subject.probes,
    failures: subject.failures,
    missed: subject.prober?.missed ?? 0,
    lagMs: subject.lagMs,
    ...(subject.lastMs === undefined ? undefined : { lastMs: subject.lastMs }),
    flapping: subject.flapping,
    intervalMs: subject.rules.interval,
    timeoutMs: subject.rules.timeout,
    ...(silence && { silence }),
  };
}
