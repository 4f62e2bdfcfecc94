// Which ends of a wrapped command are told: --on and --after, and what they remember between two runs.
import type { Json, Store } from "../store/store.ts";

export interface Memory {
  /** Failures in a row, the last one included. */
  readonly failures: number;
  /** What people were last told; good where they never were told anything. */
  readonly told: "good" | "bad";
}

export interface Rule {
  readonly on: "always" | "fail" | "change";
  /** A failure counts from the so-manyth in a row on. */
  readonly after: number;
}

export interface Decision {
  /** Whether there is an event at all. */
  readonly tell: boolean;
  /** Whether a person should hear of it: a failure that counts, or the recovery from one. */
  readonly notify: boolean;
  readonly recovered: boolean;
  /** To remember at once. */
  readonly next: Memory;
  /** To remember when the event is accepted. */
  readonly told: Memory;
}

export const nothingYet: Memory = { failures: 0, told: "good" };

/** Pure. */
export function decide(succeeded: boolean, { on, after }: Rule, memory: Memory): Decision {
  const failures = succeeded ? 0 : memory.failures + 1;
  const counts = failures >= after;
  const state = succeeded ? "good" : counts ? "bad" : memory.told;
  const changed = state !== memory.told;
  const recovered = succeeded && changed;
  const tell = on === "always" || (on === "change" ? changed : !succeeded && counts);
  const next = { failures, told: memory.told };
  return {
    tell,
    notify: (!succeeded && counts) || recovered,
    recovered,
    next,
    told: { failures, told: state },
  };
}

/** What is as it was need not be written: most runs of a command are as well as the last. */
export const isSame = (one: Memory, other: Memory): boolean =>
  one.failures === other.failures && one.told === other.told;

export interface Remembering {
  readonly memory: Memory;
  write(memory: Memory): Promise<void>;
}

const space = "panpan";

/** What is remembered of one program from one source. */
export async function openMemory(
  store: Store,
  { program, source }: { program: string; source: string },
): Promise<Remembering> {
  const key = JSON.stringify([program, source]);
  return {
    memory: toMemory(await store.get(space, key)),
    write: (memory) => store.write(space, new Map([[key, { ...memory }]])),
  };
}

function toMemory(json: Json | undefined): Memory {
  const { failures, told } = (json ?? {}) as Record<string, unknown>;
  if (typeof failures !== "number" || (told !== "good" && told !== "bad")) return nothingYet;
  return { failures, told };
}
