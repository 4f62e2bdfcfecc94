// What standard input is, without reading any of it.
import { fstatSync, statSync } from "node:fs";
import { isatty } from "node:tty";

/** Nothing is `/dev/null` (what Node also puts in the place of a closed one) or a directory. */
export function inputKind(): "terminal" | "nothing" | "readable" {
  if (isatty(0)) return "terminal";
  try {
    const input = fstatSync(0);
    const isNull = input.isCharacterDevice() && input.rdev === statSync("/dev/null").rdev;
    return isNull || input.isDirectory() ? "nothing" : "readable";
  } catch {
    return "nothing";
  }
}
