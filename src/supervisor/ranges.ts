// A set of serials, kept as few sorted ranges; what lies below the lowest kept counts as contained. Pure.

export type Range = readonly [first: number, last: number];

export interface Ranges {
  has(serial: number): boolean;
  add(serial: number): void;
  readonly last: number | undefined;
  /** For the store. */
  list(): readonly Range[];
}

export function createRanges(from: readonly Range[] = [], most = 64): Ranges {
  let ranges = from.map(([first, last]) => [first, last] as [number, number]);
  // Set once a range had to be let go: below it everything counts as seen, for supervisord hands out old events
  // only where somebody refuses them again and again.
  let floor = ranges.length >= most ? ranges[0]![0] : -1;
  return {
    has: (serial) => serial < floor || ranges.some(([first, last]) => serial >= first && serial <= last),
    add(serial) {
      const index = ranges.findLastIndex(([first]) => first <= serial);
      const below = ranges[index];
      const above = ranges[index + 1];
      if (below && serial <= below[1]) return;
      const joinsBelow = below?.[1] === serial - 1;
      const joinsAbove = above?.[0] === serial + 1;
      if (joinsBelow && joinsAbove) {
        below[1] = above[1];
        ranges.splice(index + 1, 1);
      } else if (joinsBelow) below[1] = serial;
      else if (joinsAbove) above[0] = serial;
      else ranges.splice(index + 1, 0, [serial, serial]);
      if (ranges.length > most) {
        ranges = ranges.slice(-most);
        floor = ranges[0]![0];
      }
    },
    get last() {
      return ranges.at(-1)?.[1];
    },
    list: () => ranges.map(([first, last]) => [first, last] as const),
  };
}

/** `3`, `1-73`, `1-3, 7`. */
export function showRanges(ranges: readonly Range[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}
