// One target's life of probes: due, under way, over, due again; one alarm serves both its due time and its deadline.
// Invariants: one probe of a target at a time; the deadline holds for every phase; late rounds are counted, never made up.
import { type Address, literal } from "./address.ts";
import { type Addressing, askAll } from "./addressing.ts";
import { kinds } from "./kinds.ts";
import { type Outcome, type Trace, fail, failFrom, late } from "./outcome.ts";
import type { Resolver } from "./resolve.ts";
import { type Alarms, createAlarm, createGrid, earlyMs } from "./schedule.ts";
import { type Target, keyOf } from "./target.ts";

export interface ProberOptions {
  readonly target: Target;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly recheckMs: number;
  readonly addressing: Addressing;
  readonly alarms: Alarms;
  readonly resolver: Resolver;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly startMs: number;
  readonly wallMs: number;
  /** Takes each outcome; true asks for the next probe after `recheck`. A probe that began early has a negative lag. */
  readonly judge: (outcome: Outcome, trace: Readonly<Trace>, lagMs: number) => boolean;
}

export interface Prober {
  readonly missed: number;
  /** Monotonic. */
  readonly dueMs: number;
  /** Probes at once, out of turn, unless a probe is under way. */
  hurry(): void;
  /** The machine slept, and time stood still: counts the rounds that would have been. */
  overslept(ms: number): void;
  stop(): void;
}

export function startProber(options: ProberOptions): Prober {
  const { target, intervalMs, timeoutMs, recheckMs, alarms, resolver, now, judge } = options;
  const probe = kinds[target.kind].make(target);
  const { host } = target.dial ?? target;
  const here: Address | undefined = target.kind === "unix" ? { address: "", family: 4 } : literal(host);
  const grid = createGrid(keyOf(target), { startMs: options.startMs, intervalMs, wallMs: options.wallMs });
  let trace: Trace = { step: "connect", startMs: 0 };
  let cancel: (() => void) | undefined;
  let expired: (() => void) | undefined;
  let stopped = false;
  let missed = 0;
  let lagMs = 0;
  let dueMs = grid.firstMs;

  const alarm = createAlarm((nowMs) => {
    if (cancel !== undefined) expire();
    else if (nowMs - dueMs >= intervalMs) skip(nowMs);
    else begin(nowMs);
  });

  function plan(atMs: number) {
    dueMs = atMs;
    alarms.set(alarm, atMs);
  }

  /** We slept through at least one round: back to our own place, or all targets would wake at once. */
  function skip(nowMs: number) {
    missed += Math.floor((nowMs - dueMs) / intervalMs) + 1;
    plan(grid.after(nowMs));
  }

  function begin(nowMs: number) {
    lagMs = nowMs - dueMs;
    trace = { step: "connect", startMs: nowMs };
    expired = undefined;
    // A target has all the time that it was given.
    alarms.set(alarm, nowMs + timeoutMs + earlyMs);
    cancel = here === undefined ? resolve() : probe(here, trace, finish);
  }

  function resolve() {
    trace.step = "resolve";
    const beganMs = now();
    let stop = resolver.resolve(host, (error, addresses) => {
      trace.dnsMs = now() - beganMs;
      if (error !== undefined) finish(failFrom(error));
      else if (addresses.length === 0) finish(fail("name_not_found"));
      else {
        trace.step = "connect";
        const asked = askAll({ probe, addresses, how: options.addressing, trace, report: finish });
        stop = asked.cancel;
        expired = asked.expire;
      }
    });
    return () => stop();
  }

  function expire() {
    if (expired !== undefined) expired();
    else {
      cancel?.();
      finish(late(trace));
    }
  }

  function finish(outcome: Outcome) {
    cancel = undefined;
    expired = undefined;
    const nowMs = now();
    trace.totalMs = nowMs - trace.startMs;
    const soon = judge(outcome, trace, lagMs) && recheckMs < intervalMs;
    if (stopped) return;
    // A probe that began a moment early may be over before its own moment.
    const nextMs = soon ? nowMs + recheckMs : grid.after(Math.max(nowMs, dueMs));
    if (!soon) missed += Math.max(0, Math.round((nextMs - grid.after(dueMs)) / intervalMs));
    plan(nextMs);
  }

  plan(dueMs);
  return {
    get missed() {
      return missed;
    },
    get dueMs() {
      return dueMs;
    },
    hurry() {
      if (cancel === undefined && alarm.place >= 0) plan(Math.min(dueMs, now()));
    },
    overslept(ms) {
      missed += Math.floor(ms / intervalMs);
    },
    stop() {
      stopped = true;
      alarms.clear(alarm);
      cancel?.();
      cancel = undefined;
    },
  };
}
