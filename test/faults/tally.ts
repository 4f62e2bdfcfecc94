// Compares what was told with what the broker holds.

export interface Tally {
  readonly accepted: number;
  /** Of the accepted, those that the broker holds or acknowledged. */
  readonly delivered: number;
  /** Further copies of any event. */
  readonly duplicated: number;
  /** Accepted, and gone though no fault destroyed it. */
  readonly lost: number;
  /** Accepted, and destroyed by the fault itself: the bytes that a cut file no longer has. */
  readonly destroyed: number;
  /** First copies that came after a later one of the same run. */
  readonly disordered: number;
}

interface Body {
  readonly moustash: { readonly id: string; readonly run: string; readonly seq: number };
}

/** `bodies`: what the broker holds, in order; `forgotten`: what it acknowledged and no longer holds. */
export function tally(
  accepted: ReadonlySet<string>,
  bodies: readonly string[],
  {
    forgotten = [],
    mayDestroy = new Set<string>(),
  }: { forgotten?: readonly string[]; mayDestroy?: ReadonlySet<string> } = {},
): Tally {
  const marks = new Set([...bodies, ...forgotten].flatMap((body) => /mark-\d+\./.exec(body)?.[0] ?? []));
  const missing = [...accepted].filter((mark) => !marks.has(mark));
  const destroyed = missing.filter((mark) => mayDestroy.has(mark)).length;
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
  return {
    accepted: accepted.size,
    delivered: accepted.size - missing.length,
    duplicated,
    lost: missing.length - destroyed,
    destroyed,
    disordered,
  };
}
