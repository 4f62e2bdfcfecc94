// The store in a thread of its own, so that the disk stops no event loop.
import type { Thread } from "../thread.ts";
import { type SqliteStoreOptions, openSqliteStore } from "./sqlite.ts";
import type { Json, Store } from "./store.ts";

type StoreVerbs = ReturnType<typeof serveStore>;

/** The thread's side. */
export function serveStore(options: Omit<SqliteStoreOptions, "report">, report: (message: string) => void) {
  const store = openSqliteStore({ ...options, report });
  return {
    get: (space: string, key: string) => store.get(space, key),
    entries: (space: string) => store.entries(space),
    write: (space: string, changes: ReadonlyMap<string, Json | undefined>) => store.write(space, changes),
    close: async () => {
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The caller's side. */
export function openWorkerStore(
  thread: Thread,
  { report = () => {}, ...options }: SqliteStoreOptions,
): Store {
  const ask = thread.service<StoreVerbs>("store", options, report);
  return {
    durable: true,
    get: (space, key) => ask("get", space, key),
    entries: (space) => ask("entries", space),
    write: (space, changes) => ask("write", space, changes),
    [Symbol.asyncDispose]: () => ask("close"),
  };
}
