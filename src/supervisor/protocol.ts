// The listener's side of supervisord's event protocol: bytes to notifications, and the answers. Pure.
//
// Invariants:
// - `len` counts Unicode code points (Python 3's supervisord); the one written in Go counts bytes, a Python 2 of
//   narrow build UTF-16 units. supervisord sends nothing more before it has its RESULT, so a payload that is
//   complete by another count than code points is recognised by silence: the caller then says settle().
// - Whatever comes, memory is bounded: a header by mostHeaderBytes, a payload by mostPayloadBytes, the rest counted
//   and dropped.
// Source: supervisor 4.2.5, process.py and dispatchers.py; ochinchina/supervisord, events/events.go.
import { MoustashError, exitCodes } from "../errors.ts";
import { type Greeting, greetingWord, parseGreeting } from "./greeting.ts";
import { type Header, type Notification, parseHeader, parsePayload } from "./notification.ts";

/** Exactly these bytes: `READY\r\n`, or any byte while READY, makes supervisord give the listener up for good. */
export const ready = "READY\n";
/** Only OK accepts; FAIL is never said, for it makes supervisord send again at once and to other pools too. */
export const ok = "RESULT 2\nOK";

/** What came is not supervisord's protocol; `message` shows what was seen. */
export class ProtocolError extends MoustashError {
  declare readonly code: "protocol";

  constructor(message: string) {
    super("protocol", exitCodes.data, message);
  }
}

export interface Reader {
  /** Notifications that these bytes complete; throws a ProtocolError. */
  push(bytes: Uint8Array): readonly Notification[];
  /** Whether the payload would be complete if `len` were counted otherwise: after a while of silence, settle. */
  readonly settling: boolean;
  /** Takes the payload as complete by the other count, which is then known of this stream. */
  settle(): Notification | undefined;
  /** What a relay said before the first header. */
  readonly greeting: Greeting | undefined;
  /** What lies unread: for the report when the stream ends in the middle. */
  readonly unread: "nothing" | "header" | "payload";
}

type Count = "unknown" | "code points" | "bytes" | "UTF-16 units";

export interface ReaderOptions {
  readonly mostHeaderBytes?: number;
  /** Of a payload that are kept; what is beyond is counted and dropped, the notification says truncated. */
  readonly mostPayloadBytes?: number;
}

const lineFeed = 10;
const none = new Uint8Array();

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const decode = (bytes: Uint8Array) => decoder.decode(bytes);

export function createReader({
  mostHeaderBytes = 8192,
  mostPayloadBytes = 1_048_576,
}: ReaderOptions = {}): Reader {
  let count: Count = "unknown";
  let line: Uint8Array = none;
  let greeting: Greeting | undefined;
  let first = true;
  let payload: ReturnType<typeof openPayload> | undefined;

  function push(bytes: Uint8Array): readonly Notification[] {
    const notifications: Notification[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (payload === undefined) {
        const end = bytes.indexOf(lineFeed, at);
        const piece = bytes.subarray(at, end < 0 ? bytes.length : end);
        if (line.length + piece.length > mostHeaderBytes) {
          throw refused("A header", Buffer.concat([line, piece]), "has no end");
        }
        const whole = line.length === 0 ? piece : Buffer.concat([line, piece]);
        at += piece.length + 1;
        if (end < 0) {
          line = Buffer.from(whole);
          return notifications;
        }
        const text = decode(whole);
        if (first && text.startsWith(greetingWord)) {
          greeting = parseGreeting(text);
          first = false;
          line = none;
          continue;
        }
        first = false;
        const header = parseHeader(text);
        if (header === undefined) throw refused("The line", whole, "is no header of supervisord's");
        line = none;
        payload = openPayload(header, mostPayloadBytes);
      } else {
        at += payload.take(bytes.subarray(at), count);
      }
      if (payload?.complete(count)) notifications.push(finish());
    }
    payload?.release();
    return notifications;
  }

  function finish(): Notification {
    const done = payload!;
    // Go would have sent no more bytes than len says: a longer payload proves the count.
    if (count === "unknown" && done.bytes > done.header.length) count = "code points";
    payload = undefined;
    return done.notification();
  }

  return {
    push,
    get settling() {
      return payload !== undefined && count === "unknown" && payload.otherCount() !== undefined;
    },
    settle() {
      const other = count === "unknown" ? payload?.otherCount() : undefined;
      if (other === undefined) return undefined;
      count = other;
      return finish();
    },
    get greeting() {
      return greeting;
    },
    get unread() {
      if (payload !== undefined) return "payload";
      return line.length > 0 ? "header" : "nothing";
    },
  };
}

function openPayload(header: Header, mostBytes: number) {
  // Of one piece, as most are: the piece itself. Else a copy, grown by doubling, for a payload that comes byte by byte
  // must not cost more than its own size.
  let kept: Uint8Array = none;
  let keptBytes = 0;
  let copied = false;
  let bytes = 0;
  let points = 0;
  let units = 0;
  /** Continuation bytes that the current character still needs. */
  let needed = 0;

  function keep(piece: Uint8Array) {
    const part = piece.subarray(0, mostBytes - keptBytes);
    if (keptBytes === 0) {
      kept = part;
      keptBytes = part.length;
      return;
    }
    if (!copied || part.length > kept.length - keptBytes) copy(keptBytes + part.length);
    kept.set(part, keptBytes);
    keptBytes += part.length;
  }

  function copy(bytes: number) {
    const grown = new Uint8Array(Math.min(mostBytes, Math.max(256, kept.length * 2, bytes)));
    grown.set(kept.subarray(0, keptBytes));
    kept = grown;
    copied = true;
  }

  /** Counts one byte; false where it belongs to what follows the payload. */
  function counted(byte: number): boolean {
    if (needed > 0 && byte >> 6 === 0b10) {
      needed -= 1;
      return true;
    }
    const ended = points >= header.length;
    needed = 0;
    if (ended) return false;
    needed = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    points += 1;
    units += needed === 3 ? 2 : 1;
    return true;
  }

  function take(piece: Uint8Array, count: Count): number {
    let end = 0;
    if (count === "bytes") end = Math.min(piece.length, header.length - bytes);
    else if (count === "UTF-16 units") {
      while (end < piece.length && (units < header.length || needed > 0) && counted(piece[end]!)) end += 1;
    } else {
      while (end < piece.length && (points < header.length || needed > 0) && counted(piece[end]!)) end += 1;
    }
    keep(piece.subarray(0, end));
    bytes += end;
    return end;
  }

  function complete(count: Count): boolean {
    if (count === "bytes") return bytes === header.length;
    return needed === 0 && (count === "UTF-16 units" ? units : points) >= header.length;
  }

  return {
    header,
    get bytes() {
      return bytes;
    },
    take,
    complete,
    /** The piece that was given is its owner's again. */
    release() {
      if (!copied && keptBytes > 0) copy(keptBytes);
    },
    otherCount(): Count | undefined {
      if (bytes === header.length) return "bytes";
      return needed === 0 && units === header.length ? "UTF-16 units" : undefined;
    },
    notification(): Notification {
      const truncated = bytes > keptBytes;
      let text = decode(kept.subarray(0, keptBytes));
      // A character that the cut halved.
      if (truncated) text = text.replace(/\ufffd$/, "");
      return { header, payload: parsePayload(header.eventName, text), truncated };
    },
  };
}

function refused(what: string, seen: Uint8Array, why: string): ProtocolError {
  const start = Buffer.from(seen.subarray(0, 120)).toString("latin1");
  const shown = JSON.stringify(start).replaceAll(/[\u007f-\u00ff]/g, (c) => {
    return `\\x${c.charCodeAt(0).toString(16)}`;
  });
  return new ProtocolError(
    `${what} ${shown}${seen.length > 120 ? "…" : ""} ${why}: standard input must come from a supervisord ` +
      "[eventlistener:…] (fouet --setup prints the section)",
  );
}
