// Why what waits in the spool could not be delivered when that was last tried: a note for people, in a file of its own.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SpoolStatus } from "./spool.ts";

const pathIn = (directory: string) => join(directory, "last-error.json");

/** Not synchronised, and without an error: nothing depends on it. */
export function writeNote(directory: string, reason: string): void {
  const path = pathIn(directory);
  const fresh = `${path}.${process.pid}`;
  try {
    writeFileSync(fresh, `${JSON.stringify({ atMs: Date.now(), reason })}\n`, { mode: 0o660 });
    renameSync(fresh, path);
  } catch {
    rmSync(fresh, { force: true });
  }
}

export function readNote(directory: string): SpoolStatus["lastError"] {
  try {
    const { atMs, reason } = JSON.parse(readFileSync(pathIn(directory), "utf8")) as Record<string, unknown>;
    return typeof atMs === "number" && typeof reason === "string" ? { atMs, reason } : undefined;
  } catch {
    return undefined;
  }
}
