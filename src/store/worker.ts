// The store in a thread of its own, so that the disk stops no event loop.
//
// Invariant: what a space held is said again without asking only while nobody wrote, ourselves included.
import type { Thread, VerbsOf } from "../thread.ts";
import { type Trace, traceDatabase } from "../trace.ts";
import { type SqliteStoreOptions, openSqliteStore } from "./sqlite.ts";
import type { Json, Store } from "./store.ts";

type StoreVerbs = VerbsOf<typeof serveStore>;

/** The thread's side. */
export function serveStore(options: Omit<SqliteStoreOptions, "report">, report: (message: string) => void) {
  const store = openSqliteStore({ ...options, report });
  const verbs = {
    get: (space: string, key: string) => store.get(space, key),
    entries: (space: string) => store.entries(space),
    write: (space: string, changes: ReadonlyMap<string, Json | undefined>) => store.write(space, changes),
  };
  return { verbs, atRest: () => store.atRest(), close: async () => store[Symbol.asyncDispose]() };
}

/** A space that is asked for again and again is small; the others are not worth the memory. */
const mostKept = 100;

/** The caller's side. */
export function openWorkerStore(
  thread: Thread,
  { report = () => {}, ...options }: SqliteStoreOptions,
  trace: Trace = traceDatabase({ directory: options.directory, name: "store" }),
): Store {
  const { ask, close } = thread.service<StoreVerbs>("store", options, report);
  const kept = new Map<string, { readonly mark: string; readonly entries: ReadonlyMap<string, Json> }>();
  let writes = 0;

  function written() {
    writes += 1;
    kept.clear();
  }

  return {
    durable: true,
    get: (space, key) => ask("get", space, key),
    async entries(space) {
      const before = writes;
      const mark = await trace.mark();
      const known = kept.get(space);
      if (mark !== undefined && mark === known?.mark) return known.entries;
      const entries = await ask("entries", space);
      if (mark !== undefined && writes === before && entries.size <= mostKept)
        kept.set(space, { mark, entries });
      else kept.delete(space);
      return entries;
    },
    async write(space, changes) {
      written();
      await ask("write", space, changes);
      written();
    },
    [Symbol.asyncDispose]: close,
  };
}
