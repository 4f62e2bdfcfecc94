// One target as it is watched: what its probes found, what is believed of that, and what it is held to be.
// Invariant: our own trouble is never held against it.
import type { Verdict } from "./cause.ts";
import { type Parent, createDoubt } from "./doubt.ts";
import type { Isolation } from "./isolation.ts";
import type { Memory } from "./memory.ts";
import { type Evidence, type Outcome, type Trace, up } from "./outcome.ts";
import type { Prober } from "./prober.ts";
import { rule } from "./ruling.ts";
import type { Rules } from "./settings.ts";
import { type Target, keyOf } from "./target.ts";
import { type Progress, advance, settled, unjudged, wavers } from "./transition.ts";
import type { Troubles } from "./trouble.ts";
import { type Audience, createVoice } from "./voice.ts";

/** What all subjects share. */
export interface Surroundings extends Audience {
  readonly subjectOf: (program: string) => Parent | undefined;
  readonly isolation: () => Isolation | undefined;
  readonly troubles: Troubles;
  readonly transition: (subject: Subject, summary: string) => void;
}

export interface Subject {
  readonly target: Target;
  readonly rules: Rules;
  readonly key: string;
  readonly progress: Progress;
  readonly memory: Memory | undefined;
  /** Since when it cannot be judged, milliseconds since the epoch; undefined while it is. */
  readonly blindSinceMs: number | undefined;
  readonly cause: string | undefined;
  readonly detail: string | undefined;
  readonly evidence: Evidence | undefined;
  readonly probes: number;
  readonly failures: number;
  readonly lastMs: number | undefined;
  readonly lagMs: number;
  readonly verdict: Verdict;
  readonly flapping: boolean;
  prober?: Prober;
  /** True asks for the next probe after `recheck`. */
  judge(outcome: Outcome, trace: Readonly<Trace>, lagMs: number): boolean;
}

export function createSubject(target: Target, rules: Rules, around: Surroundings, memory?: Memory): Subject {
  const { now, troubles } = around;
  const doubt = createDoubt({ target, rules, isolation: around.isolation, parentOf: around.subjectOf });
  const voice = createVoice({
    target,
    rules,
    audience: around,
    memory,
    blocker: () => doubt.blocker(),
    changed: (summary) => around.transition(subject, summary),
  });
  let progress: Progress = memory === undefined ? unjudged : settled(memory.status);
  let probes = 0;
  let failures = 0;
  let lastMs: number | undefined;
  let last: Outcome = up;
  let lag = 0;
  let wasBlind = false;
  let blindSinceMs: number | undefined;

  const subject: Subject = {
    target,
    rules,
    key: keyOf(target),
    get progress() {
      return progress;
    },
    get memory() {
      return voice.memory;
    },
    get blindSinceMs() {
      return blindSinceMs;
    },
    get cause() {
      return last.cause;
    },
    get detail() {
      return last.detail;
    },
    get evidence() {
      return last.evidence;
    },
    get probes() {
      return probes;
    },
    get failures() {
      return failures;
    },
    get lastMs() {
      return lastMs;
    },
    get lagMs() {
      return lag;
    },
    get verdict() {
      return last.verdict;
    },
    get flapping() {
      return voice.flapping;
    },
    judge,
  };

  function judge(found: Outcome, trace: Readonly<Trace>, lagMs: number): boolean {
    const atMs = now();
    const outcome = rule(found, trace, target, rules);
    probes += 1;
    lag = Math.max(0, lagMs);
    lastMs = trace.totalMs;
    const believed = doubt.weigh({ outcome, progress, startedMs: trace.startMs });
    // Cut off, it found out nothing: no failure is counted, drawn or remembered.
    last = believed?.cause === "isolated" ? believed : outcome;
    if (last.verdict === "down") failures += 1;
    voice.hear(last, atMs, trace.totalMs ?? 0);
    if (believed === undefined) return true;
    if (believed.cause === "isolated") progress = { ...settled(progress.status), blind: progress.blind };
    const before = progress;
    progress = advance(before, believed.verdict, rules);
    blindSinceMs = progress.blind === 0 ? undefined : (blindSinceMs ?? atMs);
    if (believed.verdict === "unknown") blind(believed, before);
    else {
      // Also where it was blind before it was configured otherwise.
      wasBlind = false;
      troubles.end(target.program);
    }
    const { status } = progress;
    const { streak } = doubt;
    voice.tell({ outcome: believed, trace, atMs, lagMs, before: before.status, status, streak });
    return wavers(progress);
  }

  function blind({ cause }: Outcome, before: Progress) {
    const isFirst = cause === "isolated" || before.blind + 1 >= rules.fall;
    if (!isFirst || wasBlind || cause === undefined) return;
    wasBlind = true;
    troubles.begin(cause, target.program);
  }

  return subject;
}
