// The thread in which a daemon's spool and store use the disk.
//
// The entry file of the program begins with:
//   if (isDiskThread(workerData)) serveDisk(parentPort!);
import type { MessagePort } from "node:worker_threads";
import { serveSpool } from "./spool/worker.ts";
import { serveStore } from "./store/worker.ts";
import { type Thread, openThread, serveThread } from "./thread.ts";

const role = "moustash disk";

export function isDiskThread(workerData: unknown): boolean {
  return workerData === role;
}

export function serveDisk(port: MessagePort): void {
  serveThread(port, { spool: serveSpool, store: serveStore });
}

/** Starts with its first use. `entry` is the program's entry file. */
export function openDiskThread(entry: string | URL): Thread {
  return openThread(entry, role);
}
