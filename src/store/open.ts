// Opens the store: on disk, or in memory where there is none.
import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Outlived } from "../database.ts";
import type { Thread } from "../thread.ts";
import { writeBehind } from "./behind.ts";
import { openMemoryStore } from "./memory.ts";
import { openSqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";
import { openWorkerStore } from "./worker.ts";

export interface StoreOptions {
  /** The spool's directory, where that is a disk; undefined: memory. */
  readonly directory: string | undefined;
  /** Where the disk's work is done; left out, in the calling thread. */
  readonly thread?: Thread | undefined;
  readonly report?: ((message: string) => void) | undefined;
  /** What a change outlives: a power cut unless told. */
  readonly outlives?: Outlived | undefined;
  /**
   * Names us and those who come after us, one at a time, until the next boot: then changes are kept in shared memory
   * and follow onto the disk.
   */
  readonly successive?: string | undefined;
}

const sharedMemory = "/dev/shm";

export function openStore({ directory, thread, successive, ...options }: StoreOptions): Store {
  if (directory === undefined) return openMemoryStore();
  const store = thread
    ? openWorkerStore(thread, { directory, ...options })
    : openSqliteStore({ directory, ...options });
  if (successive === undefined || !existsSync(sharedMemory)) return store;
  const name = hash("sha256", JSON.stringify([process.getuid?.(), directory, successive])).slice(0, 32);
  return writeBehind(store, { path: join(sharedMemory, `moustash-${name}`), report: options.report });
}
