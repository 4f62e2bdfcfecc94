// Opens the store: on disk, or in memory where there is none.
import type { Outlived } from "../database.ts";
import type { Thread } from "../thread.ts";
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
}

export function openStore({ directory, thread, ...options }: StoreOptions): Store {
  if (directory === undefined) return openMemoryStore();
  return thread
    ? openWorkerStore(thread, { directory, ...options })
    : openSqliteStore({ directory, ...options });
}
