// The known name that somebody probably meant. Pure.

/** How many letters must be added, removed or changed. Source: Levenshtein 1966, by rows. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Longer words are no slips of the pen, and comparing them would take long. */
const longestWord = 64;

/** The nearest of the known names, in any case; undefined where there are none. */
export function nearest(
  word: string,
  known: Iterable<string>,
): { name: string; distance: number } | undefined {
  const wanted = word.slice(0, longestWord).toLowerCase();
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const far = distance(wanted, name.toLowerCase());
    if (best === undefined || far < best.distance) best = { name, distance: far };
  }
  return best;
}

/** `did you mean redis_port?`, or, where nothing is alike, `the nearest known one is redis_port`. */
export function suggest(word: string, known: Iterable<string>): string {
  const found = nearest(word, known);
  if (found === undefined) return "";
  const alike = found.distance <= Math.max(2, Math.floor(found.name.length / 3));
  return alike ? `; did you mean ${found.name}?` : `; the nearest known one is ${found.name}`;
}
