// Time-ordered unique ids (UUID version 7, RFC 9562 §5.7), from the kernel's random bytes.
//
// node:crypto has the same; loading it takes a quarter of the time that a one-shot's start may take.
import { openSync, readSync } from "node:fs";

const template = "00000000-0000-7000-8000-000000000000";
const timeLength = "00000000-0000".length;
const variantAt = 19;
/** Where random hexadecimal digits stand. */
const digitsAt = Uint8Array.of(15, 16, 17, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35);
/** Two digits of each, and the variant's two bits of one more. */
const bytesEach = digitsAt.length / 2 + 1;
/** How many ids are made at once, but for their time: few for who needs one or two, then many. */
const firstAhead = 4;
const mostAhead = 400;

// Bytes in place of strings: JSON.stringify takes twice as long with one that was joined from pieces.
const hex = Buffer.from("0123456789abcdef");
let ahead = Buffer.alloc(0);
let random = ahead;
let used = 0;
let timeMs = 0;
const time = Buffer.alloc(timeLength);
/** Stays open: events are also made while no descriptor is free. */
let source: number | undefined;

export function uuidv7(): string {
  if (used === ahead.length) makeAhead();
  const nowMs = Date.now();
  if (nowMs !== timeMs) {
    timeMs = nowMs;
    const twelve = nowMs.toString(16).padStart(12, "0");
    time.write(`${twelve.slice(0, 8)}-${twelve.slice(8)}`);
  }
  const at = used;
  used += template.length;
  for (let place = 0; place < timeLength; place += 1) ahead[at + place] = time[place]!;
  return ahead.toString("latin1", at, used);
}

function makeAhead(): void {
  const bytes = (random.length === 0 ? firstAhead : mostAhead) * bytesEach;
  const fresh = random.length === bytes ? random : Buffer.alloc(bytes);
  // Before anything changes: where they cannot be had, the next call tries again.
  fetchRandom(fresh);
  if (fresh !== random) ahead = Buffer.alloc((bytes / bytesEach) * template.length, template);
  random = fresh;
  used = 0;
  for (let at = 0, from = 0; at < ahead.length; at += template.length) {
    // 8, 9, a or b.
    ahead[at + variantAt] = hex[8 + (random[from++]! & 3)]!;
    for (let digit = 0; digit < digitsAt.length;) {
      const byte = random[from++]!;
      ahead[at + digitsAt[digit++]!] = hex[byte >> 4]!;
      ahead[at + digitsAt[digit++]!] = hex[byte & 15]!;
    }
  }
}

function fetchRandom(into: Buffer): void {
  source ??= openSync("/dev/urandom", "r");
  for (let filled = 0; filled < into.length;) filled += readSync(source, into, { offset: filled });
}
