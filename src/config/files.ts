// The files that a configuration is read from.
//
// Invariant: all that reading asks the disk is asked here, and kept with its answer. Reading depends on nothing else
// that changes while a process lives, so a configuration whose answers are all the same reads the same. (PEM files of
// targets are judged as well, but only a configuration that is refused, and so read again, can come of that; probes see
// for themselves when they are renewed.)
import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** What was read, to watch. */
export interface FilesRead {
  /** As they were named; also those that could not be read. */
  readonly paths: readonly string[];
  /** Absolute: where these stand, and where a pattern may find others. */
  folders(): ReadonlySet<string>;
  /** Whether the disk answers as it did when they were read. */
  areUnchanged(): boolean;
}

export interface Files extends FilesRead {
  /** A text file (UTF-8). Throws an Error whose message names the path and, where we may not, the owner. */
  read(path: string): string;
  /** Absolute paths in their order. */
  find(pattern: string, folder: string): readonly string[];
}

export function openFiles(): Files {
  const paths: string[] = [];
  const patterns: { readonly pattern: string; readonly folder: string }[] = [];
  const isAsBefore: (() => boolean)[] = [];
  return {
    paths,
    folders: () =>
      new Set([
        ...paths.map((path) => dirname(resolve(path))),
        ...patterns.flatMap(({ pattern, folder }) => foldersOf(pattern, folder)),
      ]),
    areUnchanged: () => isAsBefore.every((one) => one()),
    read(path) {
      paths.push(path);
      const answer = answerOf(path);
      isAsBefore.push(() => isSame(answer, answerOf(path)));
      if (answer instanceof Error) throw new Error(explain(path, answer), { cause: answer });
      return decode(answer, path);
    },
    find(pattern, folder) {
      const found = find(pattern, folder);
      patterns.push({ pattern, folder });
      isAsBefore.push(() => find(pattern, folder).join("\n") === found.join("\n"));
      return found;
    },
  };
}

type Answer = Buffer | NodeJS.ErrnoException;

function answerOf(path: string): Answer {
  try {
    return readFileSync(path);
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function isSame(before: Answer, now: Answer): boolean {
  if (before instanceof Error || now instanceof Error)
    return before instanceof Error && now instanceof Error && before.code === now.code;
  return before.equals(now);
}

const find = (pattern: string, folder: string): string[] =>
  globSync(pattern, { cwd: folder })
    .map((path) => resolve(folder, path))
    .toSorted();

/** `targets.d` of `targets.d/*.ini`; of a pattern in folders' names also each folder that it fits now. */
function foldersOf(pattern: string, folder: string): string[] {
  const names = dirname(pattern).split("/");
  const first = names.findIndex((name) => /[*?[\]{}()!+@]/.test(name));
  if (first < 0) return [resolve(folder, dirname(pattern))];
  const heads = names.slice(first).map((_, index) => names.slice(0, first + index + 1).join("/"));
  const found = heads.flatMap((head) => find(head, folder)).filter(isFolder);
  return [
    resolve(folder, names.slice(0, first).join("/") || (pattern.startsWith("/") ? "/" : ".")),
    ...found,
  ];
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function decode(bytes: Buffer, path: string): string {
  const text = bytes.toString("utf8");
  if (text.includes("\0")) throw new Error(`${path} is no text file: save it as UTF-8`);
  if (text.includes("\uFFFD") && !Buffer.from(text).equals(bytes)) {
    const line = text.slice(0, text.indexOf("\uFFFD")).split("\n").length;
    throw new Error(`${path} is not UTF-8 at line ${line}: save it as UTF-8`);
  }
  return text;
}

/** Whether that error of `read` says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
  return code === "ENOENT" || code === "ENOTDIR";
}

function explain(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT" || code === "ENOTDIR") return `${path} does not exist`;
  if (code === "EISDIR") return `${path} is a directory, a file is needed`;
  if (code !== "EACCES" && code !== "EPERM") return `${path} cannot be read: ${message}`;
  const [ourUid, ourGid] = [process.geteuid?.(), process.getegid?.()];
  const us = `we are uid ${ourUid}, gid ${ourGid}`;
  try {
    const { uid, gid, mode } = statSync(path);
    const rights = (mode & 0o777).toString(8).padStart(4, "0");
    const advice = `chgrp ${ourGid} and chmod 0440 that file (a secret of compose is the host's own file; in Kubernetes: fsGroup ${ourGid}, defaultMode 0440)`;
    return `${path} may not be read: it belongs to uid ${uid}, gid ${gid}, mode ${rights}, and ${us}: ${advice}`;
  } catch {
    return `${path} may not be read: a directory above it is closed to us, and ${us}`;
  }
}
