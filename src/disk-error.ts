// What a disk says no with: SQLite's codes and the system's, in our words.
import { MoustashError, exitCodes } from "./errors.ts";

export type DiskErrorCode = "disk_full" | "disk_unwritable" | "disk_busy";

/** The disk said no. Nothing of the transaction was written. */
export class DiskError extends MoustashError {
  declare readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, exitCodes.full, message, options);
  }
}

/** Thrown by a room that read what cannot be what it wrote: the file is then treated as damaged. */
export class DamagedError extends Error {}

export class NewerError extends Error {
  readonly version: number;

  constructor(version: number) {
    super(`version ${version} of the file is newer than this program`);
    this.version = version;
  }
}

/** Source: sqlite.org/rescode.html; the low byte is the primary code. */
const primaryCodes: Record<number, DiskErrorCode | "damaged"> = {
  3: "disk_unwritable",
  5: "disk_busy",
  6: "disk_busy",
  8: "disk_unwritable",
  10: "disk_unwritable",
  11: "damaged",
  13: "disk_full",
  14: "disk_unwritable",
  15: "disk_busy",
  26: "damaged",
};
const readonlyMoved = 1032;
/** Not one of its reasons: neither the directory's, nor a log's, nor a file's that was moved. */
export const readonly = 8;

export type Trouble = DiskErrorCode | "damaged" | "newer" | "moved";

/** Undefined where it is no trouble of the disk, but a bug. */
export function classify(error: unknown): Trouble | undefined {
  if (error instanceof DiskError) return error.code;
  if (error instanceof DamagedError) return "damaged";
  if (error instanceof NewerError) return "newer";
  const { code, errcode, syscall } = error as { code?: string; errcode?: number; syscall?: string };
  if (errcode === readonlyMoved) return "moved";
  // A logic error (1): the tables are not ours any more, since our SQL is tested.
  if (code === "ERR_SQLITE_ERROR") return errcode === 1 ? "damaged" : primaryCodes[(errcode ?? 0) & 0xff];
  if (code === "ENOSPC" || code === "EDQUOT") return "disk_full";
  return syscall === undefined ? undefined : "disk_unwritable";
}

export function explain(code: DiskErrorCode, path: string, error: unknown): string {
  if (error instanceof DiskError) return error.message;
  if (code === "disk_full") return `${path}: the file system is full (${messageOf(error)})`;
  if (code === "disk_busy") return `${path}: another process held it for too long (${messageOf(error)})`;
  return `${path}: ${messageOf(error)}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
