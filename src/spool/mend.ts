// Puts the rows of a damaged file where they belong: a position is no part of a row's sum. Pure.
import type { Envelope } from "../envelope.ts";

export interface Place {
  readonly position: number;
  readonly envelope: Envelope;
}

/** One place for each row: where a bit flipped in its position, its neighbours in the run tell, and it goes between them. */
export function mendPlaces(found: readonly Place[]): Place[] {
  const used = new Set(found.map(({ position }) => position));
  const mended: Place[] = [];
  for (const ofRun of Map.groupBy(found, ({ envelope }) => envelope.run).values()) {
    const bySeq = [...Map.groupBy(ofRun, ({ envelope }) => envelope.seq).values()].toSorted(
      ([one], [other]) => one!.envelope.seq - other!.envelope.seq,
    );
    let last = 0;
    for (const [index, copies] of bySeq.entries()) {
      const following = bySeq[index + 1]?.[0]?.position ?? Infinity;
      const next = following > last ? following : Infinity;
      const right = copies.find(({ position }) => position > last && position < next);
      const place = right ?? {
        ...copies[0]!,
        position: freeBetween(last, next, used) ?? copies[0]!.position,
      };
      used.add(place.position);
      last = Math.max(last, place.position);
      mended.push(place);
    }
  }
  return mended;
}

/** No run has more rows of others between two of its own than are looked at here. */
const mostBetween = 100_000;

function freeBetween(last: number, next: number, used: ReadonlySet<number>): number | undefined {
  const end = Math.min(next, last + mostBetween);
  for (let position = last + 1; position < end; position += 1) if (!used.has(position)) return position;
  return undefined;
}
