// Time-ordered unique ids (UUID version 7, RFC 9562 §5.7), from the kernel's random bytes.
//
// node:crypto has the same; loading it takes a quarter of the time that a one-shot's start may take.
import { closeSync, openSync, readSync } from "node:fs";
import { flat } from "./flat.ts";

const perId = 10;
/** Of how many ids the random bytes are fetched at once: few for who makes one or two, then many. */
const firstAhead = 4;
const mostAhead = 400;

let pool = Buffer.alloc(0);
let digits = "";
let used = 0;
let timeMs = 0;
let time = "";

export function uuidv7(): string {
  if (used + perId > pool.length) fetch();
  const nowMs = Date.now();
  if (nowMs !== timeMs) {
    timeMs = nowMs;
    const twelve = nowMs.toString(16).padStart(12, "0");
    time = `${twelve.slice(0, 8)}-${twelve.slice(8)}-7`;
  }
  const at = 2 * used;
  const variant = "89ab"[pool[used + perId - 1]! & 3]!;
  used += perId;
  return flat(
    `${time}${digits.slice(at, at + 3)}-${variant}${digits.slice(at + 3, at + 6)}-${digits.slice(at + 6, at + 18)}`,
  );
}

function fetch(): void {
  pool = Buffer.alloc(perId * (pool.length === 0 ? firstAhead : mostAhead));
  const random = openSync("/dev/urandom", "r");
  try {
    for (let filled = 0; filled < pool.length;) filled += readSync(random, pool, { offset: filled });
  } finally {
    closeSync(random);
  }
  digits = pool.toString("hex");
  used = 0;
}
