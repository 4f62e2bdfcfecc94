// The folder of a database: made for a group, moved aside by one rename, told from another by device and number.
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
} from "node:fs";
import { join } from "node:path";

interface Place {
  readonly directory: string;
  readonly name: string;
}

/** Set aside and not yet recovered from: the work of a process that died over it. */
export function pending({ directory, name }: Place): string[] {
  const names = readdirSync(directory);
  return names
    .filter((entry) => entry.startsWith(`${name}-corrupt-`) && entry.endsWith(".pending"))
    .toSorted()
    .map((entry) => join(directory, entry));
}

/** Set aside by an older program, and not newer than this one any more. */
export function returned({ directory, name }: Place, version: number): string[] {
  const versionOf = (entry: string) => Number(new RegExp(`^${name}-v(\\d+)-`).exec(entry)?.[1] ?? Infinity);
  const names = readdirSync(directory).filter((entry) => versionOf(entry) <= version);
  return names.toSorted().map((entry) => join(directory, entry));
}

export function moveAway({ directory, name }: Place, folder: string, ending: string): string {
  const place = join(directory, `${name}-${ending}`);
  renameSync(folder, place);
  syncFolder(directory);
  return place;
}

/** Not a clock that matters: it only makes the name new. */
export function stamp(): string {
  return new Date().toISOString().replaceAll(/[-:]/g, "").replace(".", "");
}

export function identityOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

/** Whether another file stands at the path now, or none. */
export function moved(path: string, identity: string | undefined): boolean {
  try {
    return identityOf(path) !== identity;
  } catch {
    return false;
  }
}

/** Makes a file that the group may write too, whatever our umask is; leaves one that is there alone. */
export function touch(path: string) {
  try {
    const descriptor = openSync(path, "wx", 0o660);
    fchmodSync(descriptor, 0o660);
    closeSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Makes a folder whose files belong to its group. */
export function makeFolder(path: string) {
  mkdirSync(path, { recursive: true, mode: 0o2770 });
  chmodSync(path, 0o2770);
}

export function syncFolder(path: string) {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}
