// One target's life of probes: due, under way, over, due again; one alarm serves both its due time and its deadline.
// Invariants: one probe of a target at a time; the deadline holds for every phase; late rounds are counted, never made up.
import { literal } from "./address.ts";
import { type Outcome, type Trace, fail, failFrom } from "./outcome.ts";
import type { Address, Kind } from "./probe.ts";
import type { Resolver } from "./resolve.ts";
import { type Alarms, createAlarm, createGrid } from "./schedule.ts";
import { tcp } from "./tcp.ts";
import type { Target } from "./target.ts";

const kinds: Readonly<Record<Target["kind"], Kind>> = { tcp };

/** A name may have hundreds of addresses; so many are tried. */
const mostAddresses = 16;

export interface ProberOptions {
  readonly target: Target;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly recheckMs: number;
  readonly alarms: Alarms;
  readonly resolver: Resolver;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly startMs: number;
  /** Takes each outcome; true asks for the next probe after `recheck`. The trace is its own only until it returns. */
  readonly judge: (outcome: Outcome, trace: Readonly<Trace>) => boolean;
}

export interface Prober {
  readonly missed: number;
  readonly lagMs: number;
  stop(): void;
}

export function startProber(options: ProberOptions): Prober {
  const { target, intervalMs, timeoutMs, recheckMs, alarms, resolver, now, judge } = options;
  const probe = kinds[target.kind](target);
  const here = literal(target.host);
  const grid = createGrid(`${target.program} ${target.source}`, { startMs: options.startMs, intervalMs });
  let trace: Trace = { step: "connect", startMs: 0 };
  let cancel: (() => void) | undefined;
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
    alarms.set(alarm, nowMs + timeoutMs);
    cancel = here === undefined ? resolve() : probe(here, trace, finish);
  }

  function resolve() {
    trace.step = "resolve";
    const began = now();
    let stop = resolver.resolve(target.host, (error, addresses) => {
      trace.dnsMs = now() - began;
      if (error !== undefined) finish(failFrom(error));
      else if (addresses.length === 0) finish(fail("name_not_found"));
      else stop = tryAll(addresses.slice(0, mostAddresses));
    });
    return () => stop();
  }

  /** Up as soon as one address answers; down with the first one's cause when none does. */
  function tryAll(addresses: readonly Address[]) {
    let left = addresses.length;
    let first: Outcome | undefined;
    const cancels = addresses.map((address, index) => {
      const part: Trace = index === 0 ? trace : { step: "connect", startMs: trace.startMs };
      return probe(address, part, (outcome) => {
        left -= 1;
        if (index === 0) first = outcome;
        if (outcome.verdict !== "up" && left > 0) return;
        stop();
        const { dnsMs } = trace;
        if (outcome.verdict === "up") Object.assign(trace, part, { dnsMs, address: address.address });
        else trace.address = addresses[0]!.address;
        finish(outcome.verdict === "up" ? outcome : (first ?? outcome));
      });
    });
    const stop = () => {
      for (const cancelOne of cancels) cancelOne();
    };
    return stop;
  }

  function expire() {
    cancel?.();
    finish(fail(trace.step === "resolve" ? "resolver_away" : "timeout"));
  }

  function finish(outcome: Outcome) {
    cancel = undefined;
    const nowMs = now();
    trace.totalMs = nowMs - trace.startMs;
    const soon = judge(outcome, trace) && recheckMs < intervalMs;
    const nextMs = soon ? nowMs + recheckMs : grid.after(nowMs);
    if (!soon) missed += Math.max(0, Math.round((nextMs - grid.after(dueMs)) / intervalMs));
    plan(nextMs);
  }

  plan(dueMs);
  return {
    get missed() {
      return missed;
    },
    get lagMs() {
      return lagMs;
    },
    stop() {
      alarms.clear(alarm);
      cancel?.();
      cancel = undefined;
    },
  };
}
