// Names to addresses, by the system's own resolver (hosts file, nsswitch, DNS): what a user's curl would see.
// Invariant: at most one lookup of a name is under way, however many targets wait for it or gave up waiting.
import type { LookupAddress } from "node:dns";
import type { Address } from "./probe.ts";

export type Resolved = (error: Error | undefined, addresses: readonly Address[]) => void;

export interface Resolver {
  /** Never answers before it returns; what it returns makes it forget the question. */
  resolve(host: string, answer: Resolved): () => void;
}

export function createResolver(): Resolver {
  const { lookup } = process.getBuiltinModule("node:dns");
  const waiting = new Map<string, Set<Resolved>>();

  function ask(host: string) {
    const askers = new Set<Resolved>();
    waiting.set(host, askers);
    lookup(host, { all: true, order: "verbatim" }, (error, found: LookupAddress[] | undefined) => {
      waiting.delete(host);
      const addresses = (found ?? []).map(({ address, family }) => ({
        address,
        family: family === 6 ? (6 as const) : (4 as const),
      }));
      for (const answer of askers) answer(error ?? undefined, addresses);
    });
    return askers;
  }

  return {
    resolve(host, answer) {
      const askers = waiting.get(host) ?? ask(host);
      askers.add(answer);
      return () => askers.delete(answer);
    },
  };
}
