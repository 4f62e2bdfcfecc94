// What a kind of probe is: one file each, one contract (test/contract/probe.ts).
import type { Address } from "./address.ts";
import type { Outcome, Trace } from "./outcome.ts";
import type { Target } from "./target.ts";

/**
 * Starts one attempt and reports its outcome once, never before it returns; writes its step and times into the
 * trace as it goes. The deadline is the caller's: it calls what is returned, after which nothing is reported and
 * nothing stays open. Never throws: a target that is down is data.
 */
export type Probe = (to: Address, trace: Trace, report: (outcome: Outcome) => void) => () => void;

/** Made once for each target, so that an attempt costs only what it must. */
export type Kind = (target: Target) => Probe;
