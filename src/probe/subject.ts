// One target as it is watched: its state, its memory, and what is said of it to whom.
// Invariants: our own trouble is never held against it; people hear of each episode once, and of its end if they
// heard of it; a gate (silence, dependency, flapping) takes the notification, never the event.
import { stableId } from "../event.ts";
import { type Face, compare, faceOf } from "./evidence.ts";
import { createFlap } from "./flap.ts";
import { createHistory } from "./history.ts";
import type { Isolation } from "./isolation.ts";
import type { Memory } from "./memory.ts";
import type { Item } from "./outbox.ts";
import type { Verdict } from "./cause.ts";
import { type Outcome, type Trace, fail, isSilence, up } from "./outcome.ts";
import type { Prober } from "./prober.ts";
import { type Facts, type Occasion, draft } from "./report.ts";
import type { Rules } from "./settings.ts";
import type { Silence } from "./silence.ts";
import { createTally } from "./tally.ts";
import { type Target, isNear, keyOf, placeOf } from "./target.ts";
import { type Progress, type Status, advance, settled, unjudged, wavers } from "./transition.ts";
import type { Troubles } from "./trouble.ts";

/** What all subjects share. */
export interface Surroundings {
  readonly host: string;
  readonly inContainer: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly say: (item: Item) => void;
  /** To be written with the next that is said, or soon. */
  readonly keep: (key: string, memory: Memory, isFirst?: boolean) => void;
  readonly silenceOf: (program: string) => Silence | undefined;
  readonly subjectOf: (program: string) => Subject | undefined;
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
  readonly cause: string | undefined;
  readonly detail: string | undefined;
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

/** A child waits so long for its parent's verdict. */
const mostHeldMs = 10_000;

export function createSubject(target: Target, rules: Rules, around: Surroundings, memory?: Memory): Subject {
  const key = keyOf(target);
  const { host, inContainer, now, say, keep, troubles } = around;
  const { depends_on: parents = [] } = target.values;
  const history = createHistory();
  const flap = createFlap({ most: rules.flap_changes, windowMs: rules.flap_window });
  const tally = rules.summary === undefined ? undefined : createTally();
  const place = placeOf(target);
  const near = isNear(target);
  let progress: Progress = memory === undefined ? unjudged : settled(memory.status);
  let known = memory;
  let face: Face | undefined = memory?.face;
  let probes = 0;
  let failures = 0;
  /** Failures in a row, and when the first of them began (monotonic, wall). */
  let streak = 0;
  let streakMs = 0;
  let streakAtMs = 0;
  let lastMs: number | undefined;
  let last: Outcome = up;
  let lag = 0;
  let wasBlind = false;
  let summaryMs = now();

  const subject: Subject = {
    target,
    rules,
    key,
    get progress() {
      return progress;
    },
    get memory() {
      return known;
    },
    get cause() {
      return last.cause;
    },
    get detail() {
      return last.detail;
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
      return flap.active;
    },
    judge,
  };

  function judge(found: Outcome, trace: Readonly<Trace>, lagMs: number): boolean {
    const atMs = now();
    const outcome = settle(found, trace, target, rules);
    probes += 1;
    last = outcome;
    lag = lagMs;
    lastMs = trace.totalMs;
    history.add(atMs, outcome, trace.totalMs ?? 0);
    tally?.add(outcome.verdict === "up" || outcome.verdict === "degraded", trace.totalMs ?? 0);
    const { verdict } = outcome;
    if (verdict === "down") {
      if (streak === 0) [streakMs, streakAtMs] = [trace.startMs, atMs];
      failures += 1;
      streak += 1;
      if (streak === 1) for (const name of parents) around.subjectOf(name)?.prober?.hurry();
    } else if (verdict !== "unknown") streak = 0;
    const believed = weigh(outcome, atMs, trace.startMs);
    if (believed === undefined) return true;
    const before = progress;
    progress = advance(before, believed.verdict, rules);
    if (believed.verdict === "unknown") blind(believed, before);
    else if (wasBlind) {
      wasBlind = false;
      troubles.end(target.program);
    }
    const { status } = progress;
    const facts = () => factsOf(believed, trace, atMs, lagMs);
    if (status !== before.status && status !== "new") change(before.status, status, facts);
    else if (believed.verdict !== "up" || status !== "up" || rules.emit === "all") stay(believed, facts);
    if (believed.verdict === "up" && status === "up") remember(believed, trace);
    if (flap.active) digest(atMs, facts);
    if (rules.summary !== undefined && atMs - summaryMs >= rules.summary) summarise(atMs, facts);
    return wavers(progress);
  }

  /** What of it is believed now; undefined where a verdict has to wait for others. */
  function weigh(outcome: Outcome, atMs: number, startedMs: number): Outcome | undefined {
    const isolation = around.isolation();
    if (isolation !== undefined && !near && !target.values.inverted && outcome.verdict !== "unknown") {
      if (!isSilence(outcome)) isolation.proof(place);
      else {
        const wasUp = progress.status !== "down";
        const belief = isolation.silence(place, { sinceMs: streakMs, startedMs, wasUp });
        if (belief === "isolated") {
          // Failures of that time are no evidence afterwards.
          streak = 0;
          progress = { ...settled(progress.status), blind: progress.blind };
          return fail("isolated", outcome.cause);
        }
        if (belief === "waiting" && wasUp && streak >= rules.fall) return undefined;
      }
    }
    const falls = outcome.verdict === "down" && progress.status !== "down" && streak >= rules.fall;
    if (!falls || atMs - streakAtMs > mostHeldMs) return outcome;
    return parents.some((name) => isWavering(around.subjectOf(name))) ? undefined : outcome;
  }

  function isWavering(parent: Subject | undefined): boolean {
    return parent !== undefined && parent.progress.status !== "down" && wavers(parent.progress);
  }

  /** The program that it depends on, where that is down. */
  function blocker(): string | undefined {
    return parents.map((name) => around.subjectOf(name)).find((parent) => parent?.progress.status === "down")
      ?.target.program;
  }

  function factsOf(outcome: Outcome, trace: Readonly<Trace>, atMs: number, lagMs: number): Facts {
    return {
      target,
      outcome,
      trace,
      atMs,
      lagMs,
      intervalMs: rules.interval,
      status: progress.status,
      sinceMs: known?.sinceMs,
      number: known?.number,
      episode: known?.episode,
      failures: streak > 0 ? streak : undefined,
      silence: around.silenceOf(target.program),
      suppressedBy: outcome.verdict === "down" ? blocker() : undefined,
      flapping: flap.active,
      flapChanges: flap.active ? flap.changes : undefined,
      prober: host,
      inContainer,
    };
  }

  function change(previous: Status, status: Exclude<Status, "new">, facts: () => Facts) {
    const begins = previous !== "new" && flap.changed(now());
    const told = facts();
    const { atMs } = told;
    const silent = previous === "new" && status === "up";
    // A number that follows the clock is never given twice, even by a store that was lost.
    const number = Math.max((known?.number ?? 0) + 1, Math.floor(atMs));
    const episode = known?.episode ?? (status === "up" ? undefined : stableId(host, key, "episode", number));
    const isOpen = told.silence === undefined && told.suppressedBy === undefined && (!flap.active || begins);
    // Whoever did not hear that it went down need not hear that it is up.
    const isNews = status !== "up" || known?.toldMs !== undefined;
    const notify = !silent && isOpen && isNews && wants(status);
    const sinceMs = known?.sinceMs;
    const heard = notify ? atMs : status === "up" ? undefined : known?.toldMs;
    known = {
      program: target.program,
      source: target.source,
      status,
      sinceMs: atMs,
      number,
      ...(status === "up" || episode === undefined ? undefined : { episode }),
      ...(status !== "up" && heard !== undefined ? { toldMs: heard } : undefined),
      ...(face === undefined ? undefined : { face }),
    };
    if (silent) {
      keep(key, known, true);
      if (rules.emit === "all") put("probe", told, false);
      return;
    }
    const made = draft(
      {
        ...told,
        previous,
        sinceMs,
        number,
        episode,
        history: history.tell(),
        changed: told.trace && compare(face, faceOf(told.outcome, told.trace)),
      },
      "change",
      notify,
      stableId(host, key, number),
    );
    say({ key, program: target.program, draft: made, memory: known });
    around.transition(subject, String(made.details?.["summary"]));
  }

  function wants(status: Status): boolean {
    return rules.notify !== "none" && (status !== "up" || rules.notify !== "down");
  }

  /** No change: a reminder, news that was held back, or one more probe. */
  function stay(outcome: Outcome, facts: () => Facts) {
    const { status } = progress;
    if (
      known !== undefined &&
      status === "down" &&
      outcome.verdict === "down" &&
      wants(status) &&
      !flap.active
    ) {
      const atMs = now();
      const isLate = known.toldMs === undefined;
      const isDue = rules.remind !== undefined && !isLate && atMs - known.toldMs! >= rules.remind;
      if (isLate || isDue) {
        const told = facts();
        if (told.silence === undefined && told.suppressedBy === undefined) {
          known = { ...known, toldMs: atMs };
          return put("reminder", told, true);
        }
      }
    }
    if (rules.emit === "all" || (rules.emit === "failures" && outcome.verdict !== "up")) {
      const told = facts();
      const isOpen = told.silence === undefined && told.suppressedBy === undefined;
      put("probe", told, rules.notify === "failures" && outcome.verdict === "down" && isOpen);
    }
  }

  function put(occasion: Occasion, told: Facts, notify: boolean) {
    const made = draft(told, occasion, notify);
    say({
      key,
      program: target.program,
      draft: made,
      ...(occasion === "reminder" && known !== undefined ? { memory: known } : undefined),
    });
  }

  function blind(outcome: Outcome, before: Progress) {
    const isFirst = outcome.cause === "isolated" || before.blind + 1 >= rules.fall;
    if (!isFirst || wasBlind || outcome.cause === undefined) return;
    wasBlind = true;
    troubles.begin(outcome.cause, target.program);
  }

  function digest(atMs: number, facts: () => Facts) {
    const { changes } = flap;
    const due = flap.due(atMs);
    if (due === undefined) return;
    const told = { ...facts(), flapping: due === "digest", flapChanges: changes };
    const notify = told.silence === undefined && rules.notify !== "none";
    if (notify && known !== undefined && progress.status === "down") known = { ...known, toldMs: atMs };
    // Under a key of its own: it must not take a change's place while delivery stands still.
    say({ key: `${key} flapping`, program: target.program, draft: draft(told, "flapping", notify) });
  }

  function summarise(atMs: number, facts: () => Facts) {
    summaryMs = atMs;
    const made = draft({ ...facts(), summary: tally!.take() }, "summary", false);
    say({ key, program: target.program, draft: made });
  }

  /** How it looks when it is well, to tell later what changed. */
  function remember(outcome: Outcome, trace: Readonly<Trace>) {
    const seen = faceOf(outcome, trace);
    if (seen === undefined) return;
    if (face !== undefined && compare(face, seen) === undefined) return;
    face = seen;
    if (known !== undefined) {
      known = { ...known, face };
      keep(key, known);
    }
  }

  return subject;
}

/** What the target's own rules make of what was found. Pure. */
export function settle(outcome: Outcome, trace: Readonly<Trace>, { values }: Target, rules: Rules): Outcome {
  if (outcome.verdict === "unknown") return outcome;
  if (values.inverted)
    return outcome.verdict === "down" ? up : fail("open", outcome.detail, outcome.evidence);
  const { totalMs = 0 } = trace;
  if (outcome.verdict === "up" && rules.slow !== undefined && totalMs > rules.slow)
    return fail("slow", `${totalMs.toFixed(0)} ms`, outcome.evidence);
  return outcome;
}
