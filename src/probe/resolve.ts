// Names to addresses, by the system's own resolver (hosts file, nsswitch, DNS): what a user's curl would see.
// Invariants: at most one lookup of a name is under way, however many targets wait for it or gave up waiting; names
// that are slow never hold up those that are not: getaddrinfo(3) blocks, and libuv gives it half of its four threads
// (deps/uv/src/threadpool.c, slow_work_thread_threshold).
import type { Address } from "./address.ts";
import type { LookupAddress } from "node:dns";

export type Resolved = (error: Error | undefined, addresses: readonly Address[]) => void;

export interface Resolver {
  /** Never answers before it returns; what it returns makes it forget the question. */
  resolve(host: string, answer: Resolved): () => void;
}

/** A lookup that took longer makes its name slow, until it is quick again. */
const slowMs = 500;
/** So many at once: more would wait inside libuv, unseen. One of them is kept for names that are not slow. */
const lanes = 2;

export function createResolver(): Resolver {
  const { lookup } = process.getBuiltinModule("node:dns");
  const waiting = new Map<string, Set<Resolved>>();
  const slow = new Set<string>();
  const quickQueue: string[] = [];
  const slowQueue: string[] = [];
  let underway = 0;
  let slowUnderway = 0;

  function proceed() {
    while (underway < lanes) {
      const host = quickQueue.shift() ?? (slowUnderway < lanes - 1 ? slowQueue.shift() : undefined);
      if (host === undefined) return;
      look(host);
    }
  }

  function look(host: string) {
    const isSlow = slow.has(host);
    underway += 1;
    if (isSlow) slowUnderway += 1;
    const beganMs = performance.now();
    lookup(host, { all: true, order: "verbatim" }, (error, found: LookupAddress[] | undefined) => {
      underway -= 1;
      if (isSlow) slowUnderway -= 1;
      if (performance.now() - beganMs > slowMs) slow.add(host);
      else slow.delete(host);
      proceed();
      answerAll(host, error === null ? undefined : truthOf(error), found ?? []);
    });
  }

  function answerAll(host: string, error: Error | undefined, found: readonly LookupAddress[]) {
    const askers = waiting.get(host) ?? [];
    waiting.delete(host);
    const addresses = found.map(({ address, family }) => ({
      address,
      family: family === 6 ? (6 as const) : (4 as const),
    }));
    for (const answer of askers) answer(error, addresses);
  }

  return {
    resolve(host, answer) {
      const before = waiting.get(host);
      const askers = before ?? new Set<Resolved>();
      askers.add(answer);
      if (before === undefined) {
        waiting.set(host, askers);
        (slow.has(host) ? slowQueue : quickQueue).push(host);
        proceed();
      }
      return () => askers.delete(answer);
    },
  };
}

/**
 * Without descriptors getaddrinfo(3) can open no file and ask nobody, and then says that the name does not exist:
 * that is looked into before it is believed.
 */
export function truthOf(error: NodeJS.ErrnoException): Error {
  if (error.code !== "ENOTFOUND") return error;
  const { closeSync, openSync } = process.getBuiltinModule("node:fs");
  try {
    closeSync(openSync("/dev/null", "r"));
    return error;
  } catch (found) {
    return /^E[MN]FILE$/.test((found as NodeJS.ErrnoException).code ?? "") ? (found as Error) : error;
  }
}
