// The silences that hold now: read again and again, for another process writes them; each beginning and end is told.
import type { Draft } from "../event.ts";
import type { Store } from "../store/store.ts";
import { silenced } from "./notices.ts";
import { type Silence, readSilences } from "./silence.ts";
import type { Target } from "./target.ts";

export interface HushOptions {
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly targetOf: (program: string) => Target | undefined;
  readonly say: (program: string, draft: Draft) => void;
  readonly failed: (error: unknown) => void;
}

export interface Hush {
  readonly count: number;
  of(program: string): Silence | undefined;
  /** Reads them; those that held before the first look were told by an earlier life. */
  look(): Promise<void>;
}

export function createHush({ store, now, targetOf, say, failed }: HushOptions): Hush {
  let silences: ReadonlyMap<string, Silence> | undefined;

  function tell(silence: Silence, begins: boolean) {
    const { program } = silence;
    say(program, silenced(silence, { begins, atMs: now(), target: targetOf(program) }));
  }

  return {
    get count() {
      return silences?.size ?? 0;
    },
    of: (program) => silences?.get(program.toLowerCase()),
    async look() {
      try {
        const next = await readSilences(store, now());
        const before = silences ?? next;
        silences = next;
        for (const [program, silence] of next)
          if (before.get(program)?.sinceMs !== silence.sinceMs) tell(silence, true);
        for (const [program, silence] of before) if (!next.has(program)) tell(silence, false);
      } catch (error) {
        failed(error);
      }
    },
  };
}
