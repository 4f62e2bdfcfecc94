// Compares what was told with what the broker holds.

export interface Tally {
  readonly accepted: number;
  /** Of the accepted, those that came to the broker's reader. */
  readonly delivered: number;
  /** Further copies of any event. */
  readonly duplicated: number;
  /** Accepted, and gone: nobody acknowledged it, and no fault destroyed it. */
  readonly lost: number;
  /** Accepted, acknowledged by the broker before a witness, and forgotten by the broker. */
  readonly lost_by_broker: number;
  /** Accepted, and destroyed by the fault itself: the bytes that a cut file no longer has. */
  readonly destroyed: number;
  /** First copies that came after a later one of the same run. */
  readonly disordered: number;
}

export const counts = [
  "accepted",
  "delivered",
  "duplicated",
  "lost",
  "lost_by_broker",
  "destroyed",
  "disordered",
] as const satisfies readonly (keyof Tally)[];

export const sumOf = (tallies: readonly Tally[]): Tally =>
  Object.fromEntries(
    counts.map((name) => [name, tallies.reduce((sum, tally) => sum + tally[name], 0)]),
  ) as unknown as Tally;

interface Body {
  readonly moustash: { readonly id: string; readonly run: string; readonly seq: number };
}

/** `bodies`: what the broker holds, in order; `acknowledged`: what it said to have, in order, where it may forget. */
export function tally(
  accepted: ReadonlySet<string>,
  bodies: readonly string[],
  {
    acknowledged = [],
    mayDestroy = new Set<string>(),
  }: { acknowledged?: readonly string[]; mayDestroy?: ReadonlySet<string> } = {},
): Tally {
  const held = marksIn(bodies);
  const promised = marksIn(acknowledged);
  const missing = [...accepted].filter((mark) => !held.has(mark));
  const forgotten = missing.filter((mark) => promised.has(mark)).length;
  const destroyed = missing.filter((mark) => !promised.has(mark) && mayDestroy.has(mark)).length;
  const { duplicated, disordered } = arrivals(bodies);
  return {
    accepted: accepted.size,
    delivered: accepted.size - missing.length,
    duplicated,
    lost: missing.length - forgotten - destroyed,
    lost_by_broker: forgotten,
    destroyed,
    // What it forgot came in order, too.
    disordered: disordered + arrivals(acknowledged).disordered,
  };
}

const marksIn = (bodies: readonly string[]) =>
  new Set(bodies.flatMap((body) => /mark-\d+\./.exec(body)?.[0] ?? []));

function arrivals(bodies: readonly string[]): { duplicated: number; disordered: number } {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  let duplicated = 0;
  let disordered = 0;
  for (const body of bodies) {
    const { id, run, seq } = (JSON.parse(body) as Body).moustash;
    if (seen.has(id)) {
      duplicated += 1;
      continue;
    }
    seen.add(id);
    if (seq < (last.get(run) ?? 0)) disordered += 1;
    last.set(run, Math.max(seq, last.get(run) ?? 0));
  }
  return { duplicated, disordered };
}
