// The book of what targets are held to be, and of the transitions that are on their way.
// Invariants: a transition is written, with its id, before it is sent, and struck out only once it is accepted; what
// was forgotten comes back by nothing that was on its way.
import type { Draft } from "../event.ts";
import type { Json, Store } from "../store/store.ts";
import { type Memory, memorySpace, readMemory, toJson } from "./memory.ts";
import type { Item } from "./outbox.ts";

export interface Ledger {
  /** Reads the book; what was on its way when we ended comes back, to be sent once more under the same id. */
  open(): Promise<readonly Item[]>;
  /** Undefined also for what was forgotten. */
  recall(key: string): Memory | undefined;
  /**
   * To be written by the next write or flush: a first memory, or more of the same state. A state of which the change
   * is not sent yet is not written before it.
   */
  keep(key: string, memory: Memory, isFirst?: boolean): void;
  /** Its target is watched no more; `last` is what was known of it. */
  forget(key: string, last?: Memory): void;
  sending(items: readonly Item[]): Promise<void>;
  accepted(items: readonly Item[]): Promise<void>;
  flush(): Promise<void>;
}

export function createLedger(store: Store, failed: (error: unknown) => void): Ledger {
  const memories = new Map<string, Memory>();
  /** Drafts that are not accepted yet, by key. */
  const underway = new Map<string, readonly Draft[]>();
  /** The last transitions of what was forgotten, by key. */
  const forgotten = new Map<string, number>();
  let dirty = new Set<string>();

  async function write() {
    if (dirty.size === 0) return;
    const keys = dirty;
    dirty = new Set();
    const changes = new Map<string, Json | undefined>();
    for (const key of keys) {
      const memory = memories.get(key);
      const pending = underway.get(key);
      changes.set(key, memory && toJson(pending ? { ...memory, pending } : memory));
    }
    try {
      await store.write(memorySpace, changes);
    } catch (error) {
      for (const key of keys) dirty.add(key);
      failed(error);
    }
  }

  return {
    async open() {
      const items: Item[] = [];
      try {
        for (const [key, json] of await store.entries(memorySpace)) {
          const memory = readMemory(json);
          if (memory === undefined) continue;
          const { pending = [], ...rest } = memory;
          memories.set(key, rest);
          for (const draft of pending) items.push({ key, program: memory.program, draft, memory: rest });
        }
      } catch (error) {
        failed(error);
      }
      return items;
    },
    recall(key) {
      const memory = memories.get(key);
      return memory?.removed ? undefined : memory;
    },
    keep(key, memory, isFirst = false) {
      if (!isFirst && memories.get(key)?.number !== memory.number) return;
      memories.set(key, memory);
      dirty.add(key);
    },
    forget(key, last = memories.get(key)) {
      if (last === undefined) return;
      forgotten.set(key, last.number);
      if (underway.has(key)) memories.set(key, { ...last, removed: true });
      else memories.delete(key);
      dirty.add(key);
    },
    async sending(items) {
      for (const { key, draft, memory } of items) {
        if (memory === undefined) continue;
        const isOver = memory.number <= (forgotten.get(key) ?? 0);
        if (memory.number >= (memories.get(key)?.number ?? 0))
          memories.set(key, isOver ? { ...memory, removed: true } : memory);
        if (draft.class === "change")
          underway.set(key, [...(underway.get(key) ?? []).filter((one) => one !== draft), draft]);
        dirty.add(key);
      }
      await write();
    },
    async accepted(items) {
      for (const { key, draft, memory } of items) {
        if (memory === undefined) continue;
        const left = (underway.get(key) ?? []).filter((one) => one !== draft);
        if (left.length > 0) underway.set(key, left);
        else {
          underway.delete(key);
          if (memories.get(key)?.removed) memories.delete(key);
        }
        dirty.add(key);
      }
      await write();
    },
    flush: write,
  };
}
