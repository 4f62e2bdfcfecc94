// Where this prober looks when a host falls silent: at its witnesses, or at a few other hosts that are up.
import { type Isolation, createIsolation, witnessPrefix } from "./isolation.ts";
import { hashFraction } from "./schedule.ts";
import type { ProbeSettings } from "./settings.ts";
import type { Subject } from "./subject.ts";
import { isNear, placeOf } from "./target.ts";
import { askWitness } from "./witness.ts";

export interface LookoutOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly settings: () => Pick<ProbeSettings, "witnesses" | "timeout">;
  readonly subjects: () => Iterable<Subject>;
}

/** So many other hosts are asked when one falls silent. */
const mostPeers = 5;

export function createLookout({ now, settings, subjects }: LookoutOptions): Isolation {
  const isolation = createIsolation({
    now,
    witnesses: () => settings().witnesses.length,
    lookAround(except, isSilent) {
      askWitnesses();
      return askPeers(except, isSilent);
    },
    changed: () => {},
  });

  function askWitnesses() {
    const { witnesses, timeout } = settings();
    for (const witness of witnesses) {
      const name = `${witnessPrefix}${witness.address}`;
      const sinceMs = now();
      askWitness(witness, timeout, (answered) => {
        if (answered) isolation.proof(name);
        else isolation.silence(name, { sinceMs, startedMs: sinceMs, wasUp: true });
      });
    }
  }

  /** Tells how many other hosts are up. */
  function askPeers(except: string, isSilent: (host: string) => boolean): number {
    const hosts = new Map<string, Subject>();
    for (const subject of subjects()) {
      const { target, progress } = subject;
      const place = placeOf(target);
      if (place !== except && progress.status !== "down" && !isNear(target)) hosts.set(place, subject);
    }
    const asked = [...hosts]
      .filter(([name]) => !isSilent(name))
      .toSorted(([a], [b]) => hashFraction(`${a} ${except}`) - hashFraction(`${b} ${except}`));
    for (const [, { prober }] of asked.slice(0, mostPeers)) prober?.hurry();
    return hosts.size;
  }

  return isolation;
}
