// How what was taken is kept in the store: one by one while it is quiet, and in a storm a little ahead, so that
// supervisord is answered without a way to the disk and back for each notification.
//
// Invariants:
// - Before a notification is answered, the store holds that it was accepted, or that it may have been: an entry that
//   runs ahead says up to which serial. Who finds such an entry after a kill knows how much it cannot know.
// - `dueMs` after the last notification of a storm the store holds exactly what was accepted.
import type { Json, Store } from "../store/store.ts";
import { type Journal, space } from "./journal.ts";
import type { Processes } from "./processes.ts";

export interface Keeping {
  /** Resolves once what was accepted may be answered. */
  keep(journal: Journal, processes: Processes): Promise<void>;
  /** Resolves once everything is kept, exactly; what is still to come will be, too. */
  end(): Promise<void>;
}

export interface KeepingOptions {
  /** Two notifications within this time are a storm; what runs ahead is kept anew as often. */
  readonly dueMs?: number;
  /** Serials that an entry runs ahead. */
  readonly ahead?: number;
  readonly now?: () => number;
}

/** Of one journal. */
interface Entry {
  /** Up to this serial supervisord may be answered. */
  reach: number;
  /** When its journal was last written or asked to be. */
  lastMs: number;
  processes: Processes;
  /** Something was accepted since it was written. */
  behind: boolean;
  /** Writes so far: a later one tells the reach. */
  writes: number;
  timer: NodeJS.Timeout | undefined;
}

export function createKeeping(
  store: Store,
  { dueMs = 50, ahead = 1024, now = () => performance.now() }: KeepingOptions = {},
): Keeping {
  const entries = new Map<Journal, Entry>();
  let ended = false;

  async function write(journal: Journal, entry: Entry, more: number): Promise<void> {
    const reach = journal.acceptedSerial + more;
    // Until it is there, both what is in the store and what is on its way must hold.
    entry.reach = Math.min(entry.reach, reach);
    entry.behind = false;
    const number = (entry.writes += 1);
    await store.write(
      space,
      new Map<string, Json | undefined>([...journal.entry(more), ...entry.processes.changes()]),
    );
    if (entry.writes === number) entry.reach = reach;
  }

  function arm(journal: Journal, entry: Entry) {
    entry.timer ??= setTimeout(() => {
      entry.timer = undefined;
      const stormy = entry.behind && now() - entry.lastMs < dueMs / 2;
      // What fails is kept in the store's memory and said there; the next change takes it along.
      write(journal, entry, stormy ? ahead : 0).catch(() => {});
      if (stormy) arm(journal, entry);
    }, dueMs);
  }

  return {
    async keep(journal, processes) {
      const nowMs = now();
      let entry = entries.get(journal);
      if (entry === undefined) {
        entry = { reach: -1, lastMs: -Infinity, processes, behind: false, writes: 0, timer: undefined };
        entries.set(journal, entry);
      }
      const stormy = !ended && journal.canRunAhead && nowMs - entry.lastMs < dueMs;
      entry.lastMs = nowMs;
      entry.processes = processes;
      entry.behind = true;
      if (stormy && journal.acceptedSerial <= entry.reach) return arm(journal, entry);
      await write(journal, entry, stormy ? ahead : 0);
      if (stormy) arm(journal, entry);
    },
    async end() {
      ended = true;
      await Promise.all(
        [...entries].map(async ([journal, entry]) => {
          clearTimeout(entry.timer);
          await write(journal, entry, 0);
        }),
      );
    },
  };
}
