// Judges a write-ahead log of SQLite's: whether it still is what was written. Pure.
//
// SQLite takes a frame that fails its checksum for the end of the log, and drops every commit behind it without a word.
// So a bit that flipped would lose events that are still there.
// Source: "Database File Format", sqlite.org/fileformat2.html, §4.1 (format), §4.2 (checksums).

const headerBytes = 32;
const frameHeaderBytes = 24;

/** Its last bit says in which order of bytes the checksums read their words. */
const magic = 0x377f0682;

interface Sum {
  one: number;
  two: number;
}

export interface LogDamage {
  readonly at: number;
  /** Nothing of this turn is behind it: so it looks, too, while a writer is in the midst of a frame. */
  readonly last: boolean;
}

/**
 * Undefined where it is whole, or ends as the death of its writer leaves it: in an unfinished frame at the end of the
 * file, or before frames of an earlier turn, which have other salts.
 */
export function damageOf(log: Uint8Array): LogDamage | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  if (log.length <= headerBytes + frameHeaderBytes) return undefined;
  const sum: Sum = { one: 0, two: 0 };
  const little = (view.getUint32(0) & 1) === 0;
  add(sum, view, 0, 24, little);
  if ((view.getUint32(0) & ~1) !== magic || !matches(sum, view, 24)) return { at: 0, last: false };
  const frameBytes = frameHeaderBytes + view.getUint32(8);
  let ended: number | undefined;
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    const salts = [8, 12].filter((salt) => view.getUint32(at + salt) === view.getUint32(8 + salt)).length;
    if (ended !== undefined) {
      // Of this turn, behind what cannot be its end.
      if (salts === 2) return { at: ended, last: false };
      continue;
    }
    // Its own salts were hit.
    if (salts === 1) return { at, last: false };
    if (salts === 0) {
      ended = at;
      continue;
    }
    add(sum, view, at, 8, little);
    add(sum, view, at + frameHeaderBytes, frameBytes - frameHeaderBytes, little);
    if (!matches(sum, view, at + 16)) return { at, last: !goesOn(view, at + frameBytes, frameBytes) };
  }
  return undefined;
}

/** Whether a frame of this turn stands there. */
function goesOn(view: DataView, at: number, frameBytes: number): boolean {
  if (at + frameBytes > view.byteLength) return false;
  return [8, 12].every((salt) => view.getUint32(at + salt) === view.getUint32(8 + salt));
}

function matches({ one, two }: Sum, view: DataView, at: number): boolean {
  return view.getInt32(at) === one && view.getInt32(at + 4) === two;
}

function add(sum: Sum, view: DataView, from: number, bytes: number, little: boolean) {
  let { one, two } = sum;
  for (let at = from; at < from + bytes; at += 8) {
    one = (one + view.getInt32(at, little) + two) | 0;
    two = (two + view.getInt32(at + 4, little) + one) | 0;
  }
  sum.one = one;
  sum.two = two;
}
