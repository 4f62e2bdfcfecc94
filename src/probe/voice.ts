// What is said of one target, and to whom: changes, reminders, digests, summaries.
// Invariants: people hear of each episode once, and of its end if they heard of it; a gate (silence, dependency,
// flapping) takes the notification, never the event.
import { stableId } from "../event.ts";
import { type Face, compare, faceOf } from "./evidence.ts";
import { createFlap } from "./flap.ts";
import { createHearing } from "./hearing.ts";
import { createHistory } from "./history.ts";
import { type Memory, remember, retell } from "./memory.ts";
import type { Item } from "./outbox.ts";
import type { Outcome, Trace } from "./outcome.ts";
import { type Facts, type Occasion, draft } from "./report.ts";
import type { Rules } from "./settings.ts";
import type { Silence } from "./silence.ts";
import { createTally } from "./tally.ts";
import { type Target, keyOf } from "./target.ts";
import type { Status } from "./transition.ts";

const severity: Readonly<Record<Status | "unknown", number>> = {
  new: 0,
  up: 0,
  degraded: 1,
  down: 2,
  unknown: 3,
};

/** Whether what a probe found is no worse than what its target is held to be. */
const bearsOut = ({ verdict }: Outcome, status: Status): boolean => severity[verdict] <= severity[status];

/** Where what is said goes, and what it depends on. */
export interface Audience {
  readonly host: string;
  readonly inContainer: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly say: (item: Item) => void;
  /** To be written with the next that is said, or soon. */
  readonly keep: (key: string, memory: Memory, isFirst?: boolean) => void;
  readonly silenceOf: (program: string) => Silence | undefined;
}

export interface VoiceOptions {
  readonly target: Target;
  readonly rules: Rules;
  readonly audience: Audience;
  readonly memory: Memory | undefined;
  /** The program that the target depends on, where that is down. */
  readonly blocker: () => string | undefined;
  /** Tells the log of a change. */
  readonly changed: (summary: string) => void;
}

/** One outcome that is believed, and what it made of the target. */
export interface Moment {
  readonly outcome: Outcome;
  readonly trace: Readonly<Trace>;
  readonly atMs: number;
  readonly lagMs: number;
  readonly before: Status;
  readonly status: Status;
  /** Failed probes in a row. */
  readonly streak: number;
}

export interface Voice {
  readonly memory: Memory | undefined;
  readonly flapping: boolean;
  /** Each outcome, believed or not: it is counted, and kept for the evidence. */
  hear(outcome: Outcome, atMs: number, totalMs: number): void;
  tell(moment: Moment): void;
}

export function createVoice({ target, rules, audience, memory, blocker, changed }: VoiceOptions): Voice {
  const { host, inContainer, now, monotonic, say, keep, silenceOf } = audience;
  const key = keyOf(target);
  const history = createHistory();
  const flap = createFlap({ most: rules.flap_changes, windowMs: rules.flap_window });
  const tally = rules.summary === undefined ? undefined : createTally();
  let known = memory;
  let face: Face | undefined = memory?.face;
  const hearing = createHearing({
    monotonic,
    remindMs: rules.remind,
    memory,
    nowMs: now(),
  });
  let summaryMs = monotonic();

  function tell(moment: Moment) {
    const { outcome, trace, before, status } = moment;
    if (status !== before && status !== "new") change(before, status, moment);
    else if (outcome.verdict !== "up" || status !== "up" || rules.emit === "all" || hearing.isTold())
      stay(moment);
    if (outcome.verdict === "up" && status === "up") look(outcome, trace);
    if (flap.active) digest(moment);
    if (rules.summary !== undefined && monotonic() - summaryMs >= rules.summary) summarise(moment);
  }

  function factsOf({ outcome, trace, atMs, lagMs, status, streak }: Moment): Facts {
    return {
      target,
      outcome,
      trace,
      atMs,
      lagMs,
      intervalMs: rules.interval,
      status,
      sinceMs: known?.sinceMs,
      number: known?.number,
      episode: known?.episode,
      failures: streak > 0 ? streak : undefined,
      silence: silenceOf(target.program),
      suppressedBy: outcome.verdict === "down" ? blocker() : undefined,
      flapping: flap.active,
      flapChanges: flap.active ? flap.changes : undefined,
      prober: host,
      inContainer,
    };
  }

  function change(previous: Status, status: Exclude<Status, "new">, moment: Moment) {
    const begins = previous !== "new" && flap.changed(monotonic());
    const told = factsOf(moment);
    const { atMs } = told;
    const silent = previous === "new" && status === "up";
    // A number that follows the clock is never given twice, even by a store that was lost.
    const number = Math.max((known?.number ?? 0) + 1, Math.floor(atMs));
    const episode = known?.episode ?? (status === "up" ? undefined : stableId(host, key, "episode", number));
    const isOpen = told.silence === undefined && told.suppressedBy === undefined && (!flap.active || begins);
    // Whoever did not hear that it went down need not hear that it is up.
    const isNews = status !== "up" || hearing.isTold();
    const notify = !silent && isOpen && isNews && wants(status);
    const sinceMs = known?.sinceMs;
    if (status === "up" && (notify || !wants(status))) hearing.forget();
    else if (notify) hearing.tell(atMs, episode);
    else hearing.miss();
    known = remember(target, { status, atMs, number, episode, told: hearing.told, face });
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
    changed(String(made.details?.["summary"]));
  }

  function wants(status: Status): boolean {
    return rules.notify !== "none" && (status !== "up" || rules.notify !== "down");
  }

  /** No change: a reminder, news that was held back, or one more probe. */
  function stay(moment: Moment) {
    const { outcome, status } = moment;
    if (
      outcome.verdict === status &&
      known !== undefined &&
      !flap.active &&
      wants(status) &&
      isOwed(status)
    ) {
      const told = factsOf(moment);
      if (told.silence === undefined && told.suppressedBy === undefined)
        return status === "up" ? recover(told) : remind(told);
    }
    if (rules.emit === "all" || (rules.emit === "failures" && outcome.verdict !== "up")) {
      const told = factsOf(moment);
      const isOpen = told.silence === undefined && told.suppressedBy === undefined;
      put("probe", told, rules.notify === "failures" && outcome.verdict === "down" && isOpen);
    }
  }

  /** Whether people believe something else, or are to be reminded. */
  function isOwed(status: Status): boolean {
    if (status === "up") return hearing.isTold();
    return status === "down" ? hearing.isDue() : hearing.isBehind();
  }

  function remind(told: Facts) {
    hear(told.status);
    put("reminder", told, true);
  }

  /** The end of what they heard of, which a gate held back when it came. */
  function recover(told: Facts) {
    const { toldEpisode: episode } = hearing.told;
    hear("up");
    const made = draft(
      { ...told, episode },
      "recovery",
      true,
      stableId(host, key, known!.number, "recovery"),
    );
    say({ key, program: target.program, draft: made, memory: known! });
  }

  function hear(status: Facts["status"]) {
    if (known === undefined) return;
    if (status === "up") hearing.forget();
    // No earlier than the change itself, whatever the clock was set to.
    else hearing.tell(Math.max(now(), known.sinceMs), known.episode);
    known = retell(known, hearing.told);
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

  function digest(moment: Moment) {
    const { outcome, status } = moment;
    // A digest that tells of a state waits for a probe that bears it out: our own trouble does not, nor does a failure
    // that is not confirmed yet.
    if (!bearsOut(outcome, status)) return;
    const { changes } = flap;
    const due = flap.due(monotonic());
    if (due === undefined) return;
    // Where the parent is down it tells of that, up as well: it was up and down in turn.
    const suppressedBy = blocker();
    const told = { ...factsOf(moment), flapping: due === "digest", flapChanges: changes, suppressedBy };
    const notify = told.silence === undefined && suppressedBy === undefined && rules.notify !== "none";
    if (notify) {
      hear(status);
      if (known !== undefined) keep(key, known);
    }
    // Under a key of its own: it must not take a change's place while delivery stands still.
    say({ key: `${key} flapping`, program: target.program, draft: draft(told, "flapping", notify) });
  }

  function summarise(moment: Moment) {
    summaryMs = monotonic();
    const made = draft({ ...factsOf(moment), summary: tally!.take() }, "summary", false);
    say({ key, program: target.program, draft: made });
  }

  /** How it looks when it is well, to tell later what changed. */
  function look(outcome: Outcome, trace: Readonly<Trace>) {
    const seen = faceOf(outcome, trace);
    if (seen === undefined) return;
    if (face !== undefined && compare(face, seen) === undefined) return;
    face = seen;
    if (known !== undefined) {
      known = { ...known, face };
      keep(key, known);
    }
  }

  return {
    get memory() {
      return known;
    },
    get flapping() {
      return flap.active;
    },
    hear(outcome, atMs, totalMs) {
      history.add(atMs, outcome, totalMs);
      tally?.add(outcome.verdict, totalMs);
    },
    tell,
  };
}
