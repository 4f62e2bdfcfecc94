// The store where there is no disk: remembers for one life of the process.
import type { Json, Store } from "./store.ts";

export function openMemoryStore(): Store {
  const spaces = new Map<string, Map<string, Json>>();
  const space = (name: string) => spaces.get(name) ?? spaces.set(name, new Map()).get(name)!;
  return {
    durable: false,
    get: async (name, key) => space(name).get(key),
    entries: async (name) => new Map(space(name)),
    async write(name, changes) {
      for (const [key, value] of changes) {
        if (value === undefined) space(name).delete(key);
        else space(name).set(key, value);
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}
