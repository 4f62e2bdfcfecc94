// Judges the directory of a spool: a disk that lasts, memory that dies with the container, or a file system on which
// several processes cannot share a database safely.
// Source: statfs(2) for the numbers; "Write-Ahead Logging", sqlite.org/wal.html, for why a network file system is none.
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  statfsSync,
} from "node:fs";
import { dirname } from "node:path";
import { exitCodes } from "../errors.ts";
import { SpoolError } from "./spool.ts";

/** Where the directory is no disk, `why` completes "the spool is memory: …". */
export type Place = { readonly is: "disk" } | { readonly is: "memory"; readonly why: string };

const containerLayers: Record<number, string> = { 0x794c7630: "overlay", 0x61756673: "aufs" };
const volatile: Record<number, string> = { 0x01021994: "tmpfs", 0x858458f6: "ramfs" };
const unsafe: Record<number, string> = {
  0x6969: "NFS",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x517b: "SMB",
  0x65735546: "FUSE",
  0x01021997: "9p",
  0x00c36400: "Ceph",
  0x5346414f: "AFS",
  0x9fa0: "procfs",
  0x62656572: "sysfs",
};

const remedy = (directory: string) =>
  `mount a volume on ${directory} (docker run -v moustash:${directory}), or set spool to a directory on a disk`;

/**
 * Reads no more than statfs: nothing is made. Throws a SpoolError (78) where SQLite's locks or shared memory cannot
 * be trusted.
 */
export function judgePlace(directory: string): Place {
  const existing = nearest(directory);
  const type = statfsSync(existing).type >>> 0;
  const memory = (what: string): Place => ({
    is: "memory",
    why: `${directory} ${what}, which dies with the container: ${remedy(directory)}`,
  });
  if (volatile[type] !== undefined) return memory(`is ${volatile[type]}`);
  if (containerLayers[type] !== undefined || isContainerLayer(existing))
    return memory(`lies in the container's own ${containerLayers[type] ?? "layer"}`);
  if (unsafe[type] === undefined) return { is: "disk" };
  throw new SpoolError(
    "spool_unsafe",
    `${directory} lies on ${unsafe[type]}, where processes cannot share a spool safely: ${remedy(directory)}`,
    { exitCode: exitCodes.configuration },
  );
}

function nearest(directory: string): string {
  let path = directory;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

/**
 * Storage drivers that are no overlay mount a part of the host's file system, or FUSE, as the container's root.
 * Docker and Podman leave a mark there; a machine made from an image has the mark too, but a whole file system at /. Source: proc_pid_mountinfo(5): fields 4 (root) and 5 (mount point).
 */
function isContainerLayer(path: string): boolean {
  if (!existsSync("/.dockerenv") && !existsSync("/run/.containerenv")) return false;
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , , , point]) => point === "/" || path === point || path.startsWith(`${point}/`))
    .toSorted((a, b) => a[4]!.length - b[4]!.length);
  const [, , , root, point, ...rest] = mounts.at(-1) ?? [];
  return point === "/" && (root !== "/" || rest.join(" ").includes(" - fuse"));
}

/** Makes the directory where that is possible; says what to do where it cannot be written. */
export function prepare(directory: string): void {
  try {
    if (!existsSync(directory)) {
      mkdirSync(directory, { recursive: true, mode: 0o2770 });
      chmodSync(directory, 0o2770);
    }
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(directory, error);
  }
}

/** Names owner, us and the remedy. */
export function unwritable(directory: string, cause: unknown): SpoolError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const existing = nearest(directory);
  const us = `${process.getuid!()}:${process.getgid!()}`;
  const { uid, gid, mode } = statSync(existing);
  const rights = (mode & 0o7777).toString(8).padStart(4, "0");
  const advice =
    code === "EROFS"
      ? "it is mounted read-only: mount it writable"
      : code === "EACCES" || code === "EPERM"
        ? `chown ${us} ${existing} && chmod 2770 ${existing}, or run as ${uid}:${gid} (in Kubernetes: fsGroup ${gid === 0 ? process.getgid!() : gid})`
        : message;
  return new SpoolError(
    "spool_unwritable",
    `the spool ${directory} cannot be written: ${existing} belongs to ${uid}:${gid} (mode ${rights}), we are ${us}: ${advice}`,
    { cause },
  );
}
