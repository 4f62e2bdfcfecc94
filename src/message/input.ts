// What standard input is, without reading any of it.
import { fstatSync, statSync } from "node:fs";
import { isatty } from "node:tty";

/** Nothing is `/dev/null` (what Node also puts in the place of a closed one) or a directory. */
export function inputKind(): "terminal" | "nothing" | "readable" {
  try {
    const input = fstatSync(0);
    if (input.isDirectory()) return "nothing";
    if (!input.isCharacterDevice()) return "readable";
    if (input.rdev === statSync("/dev/null").rdev) return "nothing";
  } catch {
    return "nothing";
  }
  // Asked last: node:tty loads node:net and all its streams.
  return isatty(0) ? "terminal" : "readable";
}
