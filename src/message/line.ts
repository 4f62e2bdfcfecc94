// Lines of a stream of bytes: bounded, in order, with backpressure.
import { isAscii, isUtf8 } from "node:buffer";

export interface Line {
  /** From 1 on, as an editor counts. */
  readonly number: number;
  /** Without its line end; bytes that are not UTF-8 are U+FFFD. */
  readonly text: string;
  readonly isUtf8: boolean;
  /** How long it was, where its text is only the beginning. */
  readonly cutFromBytes?: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const utf8 = (bytes: Buffer) => bytes.toString("utf8");

/**
 * Yields the lines that each chunk completes, and asks for the next chunk only then. Of a line longer than
 * `mostBytes` the beginning is kept and the rest counted. The last line needs no line end; CR LF is a line end.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  { mostBytes }: { mostBytes: number },
): AsyncGenerator<readonly Line[], void, undefined> {
  let number = 0;
  /** The beginning of a line whose end has not come, in pieces; and how long it is so far. */
  let pieces: Buffer[] = [];
  let lineBytes = 0;

  function grow(piece: Buffer): void {
    const room = mostBytes - lineBytes;
    if (room > 0 && piece.length > 0) pieces.push(piece.subarray(0, room));
    lineBytes += piece.length;
  }

  function endLine(): Line {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const cut = lineBytes > mostBytes;
    const line = toLine(cut ? withoutBrokenEnd(bytes) : bytes, (number += 1));
    const whole = cut ? { ...line, cutFromBytes: lineBytes } : line;
    pieces = [];
    lineBytes = 0;
    return whole;
  }

  for await (const part of input) {
    const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    const first = chunk.indexOf(lineFeed);
    if (first < 0) {
      grow(chunk);
      continue;
    }
    grow(chunk.subarray(0, first));
    const lines = [endLine()];
    const last = chunk.lastIndexOf(lineFeed);
    if (last > first) {
      for (const { text, isUtf8, cutFromBytes } of splitWhole(chunk.subarray(first + 1, last), mostBytes)) {
        number += 1;
        lines.push(
          cutFromBytes === undefined ? { number, text, isUtf8 } : { number, text, isUtf8, cutFromBytes },
        );
      }
    }
    // A copy, for the chunk's memory is reused or large.
    grow(Buffer.from(chunk.subarray(last + 1)));
    yield lines;
  }
  if (lineBytes > 0) yield [endLine()];
}

/**
 * Lines that lie whole within one chunk. Each is decoded alone: over a string that is a part of another, as `split`
 * gives them, JSON.stringify takes twice as long (V8 leaves its fast path).
 */
function splitWhole(bytes: Buffer, mostBytes: number): readonly Omit<Line, "number">[] {
  const decode = isAscii(bytes) ? fromAscii : fromUtf8;
  const lines: Omit<Line, "number">[] = [];
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found < 0 ? bytes.length : found;
    if (end - start > mostBytes) {
      const kept = withoutBrokenEnd(bytes.subarray(start, start + mostBytes));
      lines.push({ ...toLine(kept, 0), cutFromBytes: end - start });
    } else lines.push(decode(bytes, start, end));
    start = end + 1;
  }
  return lines;
}

function fromAscii(bytes: Buffer, start: number, end: number) {
  return {
    text: bytes.toString("latin1", start, end > start && bytes[end - 1] === carriageReturn ? end - 1 : end),
    isUtf8: true,
  };
}

const fromUtf8 = (bytes: Buffer, start: number, end: number) => toLine(bytes.subarray(start, end), 0);

const byteOrderMark = "\uFEFF";
const withoutReturn = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line);

function toLine(bytes: Buffer, number: number): Line {
  const decoded = utf8(bytes);
  const text = number === 1 && decoded.startsWith(byteOrderMark) ? decoded.slice(1) : decoded;
  return { number, text: withoutReturn(text), isUtf8: !text.includes("\uFFFD") || isUtf8(bytes) };
}

/** A cut may fall inside a character: what is left of it goes, too (RFC 3629 §3: at most three bytes). */
export function withoutBrokenEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return bytes;
    if (byte >= 0xc0) {
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needs > back ? bytes.subarray(0, bytes.length - back) : bytes;
    }
  }
  return bytes;
}
