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

/**
 * Where it is damaged; undefined where it is whole, or ends as the death of its writer leaves it: in an unfinished frame
 * at the end of the file, or before frames of an earlier turn, which have other salts.
 */
export function damageOf(log: Uint8Array): number | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  if (log.length <= headerBytes + frameHeaderBytes) return undefined;
  const sum: Sum = { one: 0, two: 0 };
  const little = (view.getUint32(0) & 1) === 0;
  add(sum, view, 0, 24, little);
  if ((view.getUint32(0) & ~1) !== magic || !matches(sum, view, 24)) return 0;
  const frameBytes = frameHeaderBytes + view.getUint32(8);
  let ended: number | undefined;
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    const salts = [8, 12].filter((salt) => view.getUint32(at + salt) === view.getUint32(8 + salt)).length;
    // Of this turn, behind what cannot be its end; or one whose own salts were hit.
    if (ended !== undefined && salts === 2) return ended;
    if (ended === undefined && salts === 1) return at;
    if (salts < 2) {
      ended ??= at;
      continue;
    }
    add(sum, view, at, 8, little);
    add(sum, view, at + frameHeaderBytes, frameBytes - frameHeaderBytes, little);
    if (!matches(sum, view, at + 16)) return at;
  }
  return undefined;
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
