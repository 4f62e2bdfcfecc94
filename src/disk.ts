// The thread in which a daemon's spool and store use the disk.
import { join } from "node:path";
import { type Thread, type ThreadOptions, openThread } from "./thread.ts";

/** What it runs lies beside this file, or beside the bundle that this file is in. */
const entry = import.meta.filename.endsWith(".ts") ? "disk-thread.ts" : "disk.cjs";

export function openDiskThread(options?: ThreadOptions): Thread {
  return openThread(join(import.meta.dirname, entry), options);
}
