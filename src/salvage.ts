// Reads what can be read of a damaged SQLite file: every row that is still whole, wherever the tree above it, or the
// page around it, broke. Pure: bytes in, records out.
// Source: "Database File Format", sqlite.org/fileformat2.html, §1.6 (b-tree pages), §2.1 (records), §4 (WAL).
//
// No pointer is trusted: each place of each page is tried as the start of a row. So it also finds rows that were
// deleted and not yet overwritten, older versions of a row, and now and then what is none: whoever adopts records must
// bear repeats, and must check each by a sum of its own.

export type Value = null | number | string | Uint8Array;

export interface SalvagedRow {
  readonly rowid: number;
  readonly values: readonly Value[];
}

/** Our databases have this page size, SQLite's default. */
const pageSize = 4096;
/** No row of ours is larger. */
const mostPayload = 2 ** 28;
const walHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Records of the database file first, then those of its write-ahead log. */
export function* salvageRows(file: Uint8Array, wal: Uint8Array = new Uint8Array()): Generator<SalvagedRow> {
  const pages = slice(file, 0, pageSize);
  const frames = new Map<number, Uint8Array>();
  const later: Uint8Array[] = [];
  for (let at = walHeaderBytes; at + frameHeaderBytes < wal.length; at += frameHeaderBytes + pageSize) {
    const page = wal.subarray(at + frameHeaderBytes, at + frameHeaderBytes + pageSize);
    frames.set(view(wal).getUint32(at), page);
    later.push(page);
  }
  const inFile = (number: number) => pages[number - 1];
  for (const page of pages) yield* rowsOf(page, inFile);
  for (const page of later) yield* rowsOf(page, (number) => frames.get(number) ?? inFile(number));
}

function slice(bytes: Uint8Array, from: number, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = from; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

type PageOf = (number: number) => Uint8Array | undefined;

function* rowsOf(page: Uint8Array, pageOf: PageOf): Generator<SalvagedRow> {
  for (let at = 0; at < page.length; at += 1) {
    const cell = cellAt(page, at, pageOf);
    if (!cell) continue;
    yield cell.row;
    at = cell.end - 1;
  }
}

/** Payload that lies in the page itself, the rest in a chain of overflow pages (§1.6). */
function localBytes(payload: number): number {
  const most = pageSize - 35;
  if (payload <= most) return payload;
  const least = Math.floor(((pageSize - 12) * 32) / 255) - 23;
  const local = least + ((payload - least) % (pageSize - 4));
  return local <= most ? local : least;
}

/** A table leaf's cell: size of the payload, rowid, payload, first page of the rest. */
function cellAt(
  page: Uint8Array,
  start: number,
  pageOf: PageOf,
): { row: SalvagedRow; end: number } | undefined {
  const afterSize = varint(page, start);
  const size = number;
  const at = varint(page, afterSize);
  const rowid = number;
  if (at > page.length || size < 2 || size > mostPayload) return undefined;
  const local = localBytes(size);
  if (at + local > page.length) return undefined;
  const columns = columnsOf(page, at, size);
  if (!columns) return undefined;
  const end = at + local + (local < size ? 4 : 0);
  const payload = local === size ? page.subarray(at, end) : gather(page, at, local, size, pageOf);
  return payload && { row: { rowid, values: valuesOf(payload, columns) }, end };
}

function gather(page: Uint8Array, at: number, local: number, size: number, pageOf: PageOf) {
  if (at + local + 4 > page.length) return undefined;
  const payload = new Uint8Array(size);
  payload.set(page.subarray(at, at + local));
  let next = view(page).getUint32(at + local);
  for (let filled = local; filled < size;) {
    const overflow = pageOf(next);
    if (!overflow || overflow.length < pageSize) return undefined;
    const part = overflow.subarray(4, 4 + Math.min(size - filled, pageSize - 4));
    payload.set(part, filled);
    filled += part.length;
    next = view(overflow).getUint32(0);
  }
  return payload;
}

interface Columns {
  readonly headerSize: number;
  readonly types: readonly number[];
}

/** The header of a record, where it accounts for exactly all of the payload; undefined where this is no record. */
function columnsOf(page: Uint8Array, at: number, size: number): Columns | undefined {
  let next = varint(page, at);
  const headerSize = number;
  const end = at + headerSize;
  if (headerSize < 2 || headerSize > size || end > page.length) return undefined;
  const types: number[] = [];
  let total = headerSize;
  while (next < end && total <= size) {
    next = varint(page, next);
    types.push(number);
    total += sizeOf(number);
  }
  return next === end && total === size ? { headerSize, types } : undefined;
}

const text = new TextDecoder("utf-8");

function valuesOf(payload: Uint8Array, { headerSize, types }: Columns): Value[] {
  let at = headerSize;
  return types.map((type) => {
    const value = valueAt(payload, at, type);
    at += sizeOf(type);
    return value;
  });
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

/** Bytes of a value of this serial type (§2.1). */
function sizeOf(type: number): number {
  return type < 12 ? (integerBytes[type] ?? Infinity) : Math.floor((type - 12) / 2);
}

function valueAt(payload: Uint8Array, at: number, type: number): Value {
  if (type === 0) return null;
  if (type <= 6) return integer(payload, at, sizeOf(type));
  if (type === 7) return view(payload).getFloat64(at);
  if (type <= 9) return type - 8;
  const bytes = payload.subarray(at, at + sizeOf(type));
  return type % 2 === 0 ? bytes : text.decode(bytes);
}

function integer(payload: Uint8Array, at: number, size: number): number {
  let value = view(payload).getInt8(at);
  for (let index = 1; index < size; index += 1) value = value * 256 + payload[at + index]!;
  return value;
}

/** What varint read: a second result, without an object for each of millions of tries. */
let number = 0;

/** Reads a variable-length integer into `number` and gives its end, which lies beyond the bytes where it is cut. */
function varint(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes[start + index] ?? 0xff;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      number = value;
      return start + index + 1;
    }
  }
  number = value * 256 + (bytes[start + 8] ?? 0);
  return start + 9;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
