// Whether this prober is cut off: silence of one host is believed only when another place has answered since.
// Invariants: an answer of any kind (even a refusal) is proof that a network is there; silence alone convicts nobody
// while every other host has fallen silent too. Pure but for what it asks others to do.

export interface IsolationOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** How many places stand by as witnesses; where there are none, the other targets serve. */
  readonly witnesses: () => number;
  /** Looks now at the witnesses, or at a few hosts that are up and not silent; tells how many other hosts are up. */
  readonly lookAround: (exceptHost: string, isSilent: (host: string) => boolean) => number;
  readonly changed: (isolated: boolean) => void;
}

/** `waiting`: nobody has answered since, but not enough were asked. */
export type Belief = "believable" | "waiting" | "isolated";

export interface Silence {
  /** When the first of these silent probes in a row began, and when the last did (monotonic). */
  readonly sinceMs: number;
  readonly startedMs: number;
  /** It was up until then. */
  readonly wasUp: boolean;
}

export interface Isolation {
  readonly active: boolean;
  /** Something answered there. */
  proof(host: string): void;
  /** Nothing answered there. */
  silence(host: string, silence: Silence): Belief;
}

/** Between two looks around. */
const lookEveryMs = 1000;
/** Doubt has an end: then a silence is taken for what it seems. */
const mostDoubtMs = 15_000;
/** So many other hosts must have fallen silent too: all that were up, and no fewer or more than these. */
const enough = { least: 2, most: 10 };

export function createIsolation(options: IsolationOptions): Isolation {
  const { now, witnesses, lookAround, changed } = options;
  let others = 0;
  let active = false;
  let endedMs = -Infinity;
  let lookedMs = -Infinity;
  // The two latest proofs, of different hosts: one of them is another's.
  let host1 = "";
  let proof1Ms = -Infinity;
  let proof2Ms = -Infinity;
  const silent = new Map<string, number>();

  const provedBy = (other: string) => (host1 === other ? proof2Ms : proof1Ms);

  return {
    get active() {
      return active;
    },
    proof(host) {
      const nowMs = now();
      if (host !== host1) {
        proof2Ms = proof1Ms;
        host1 = host;
      }
      proof1Ms = nowMs;
      if (silent.size > 0) silent.delete(host);
      if (active) {
        active = false;
        endedMs = nowMs;
        silent.clear();
        changed(false);
      }
    },
    silence(host, { sinceMs, startedMs, wasUp }) {
      const nowMs = now();
      // What was asked while nothing could come back says nothing of whom it was asked.
      if (!active && startedMs <= endedMs) return "isolated";
      if (wasUp && !silent.has(host)) silent.set(host, sinceMs);
      if (provedBy(host) >= sinceMs && !active) return "believable";
      if (nowMs - lookedMs >= lookEveryMs) {
        lookedMs = nowMs;
        others = lookAround(host, (one) => silent.has(one));
      }
      if (active) return "isolated";
      const needed = witnesses();
      if (needed === 0 && others < enough.least) return "believable";
      const fellSilent = silent.size - (silent.has(host) ? 1 : 0);
      if (needed > 0 ? silentWitnesses() >= needed : fellSilent >= Math.min(others, enough.most)) {
        active = true;
        changed(true);
        return "isolated";
      }
      return nowMs - sinceMs > mostDoubtMs ? "believable" : "waiting";
    },
  };

  function silentWitnesses(): number {
    return [...silent.keys()].filter((one) => one.startsWith(witnessPrefix)).length;
  }
}

/** Witnesses are hosts of their own, even where they share an address with a target. */
export const witnessPrefix = "witness ";
