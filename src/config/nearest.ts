// The known name that somebody probably meant. Pure.

/**
 * How many letters must be added, removed, changed or swapped with their neighbour.
 * Source: Levenshtein 1966, Damerau 1964 (optimal string alignment), by rows.
 */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1, isSwap ? before[j - 2]! + 1 : Infinity));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

/** Longer words are no slips of the pen, and comparing them would take long. */
const longestWord = 64;

export interface Near {
  readonly name: string;
  /** So near that it was probably meant. */
  readonly isAlike: boolean;
}

/** The nearest of the known names, in any case; undefined where there are none. */
export function nearest(word: string, known: Iterable<string>): Near | undefined {
  const wanted = word.slice(0, longestWord).toLowerCase();
  let best: { name: string; far: number } | undefined;
  for (const name of known) {
    const far = distance(wanted, name.toLowerCase());
    if (best === undefined || far < best.far) best = { name, far };
  }
  return best && { name: best.name, isAlike: best.far <= Math.max(1, Math.floor(best.name.length / 3)) };
}

/** `did you mean redis_port?`, or, where nothing is alike, `the nearest known one is redis_port`. */
export function suggest(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  if (near === undefined) return "";
  return near.isAlike ? `; did you mean ${near.name}?` : `; the nearest known one is ${near.name}`;
}
