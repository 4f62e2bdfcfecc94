// What Cuir remembers of a target between two of its lives, in the store.
// Invariant: a transition is in `pending`, with its id, before it is sent, and leaves it only once it is accepted.
import type { Draft } from "../event.ts";
import type { Json } from "../store/store.ts";
import type { Face } from "./evidence.ts";
import type { Status } from "./transition.ts";

export interface Memory {
  readonly program: string;
  readonly source: string;
  readonly status: Exclude<Status, "new">;
  /** When it came to be so, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** The last transition's number: grows, never repeats. */
  readonly number: number;
  /** One id from down to up. */
  readonly episode?: string;
  /** How it looked when it was last up. */
  readonly face?: Face;
  /** When people were last told that it is down, milliseconds since the epoch; absent where they were not. */
  readonly toldMs?: number;
  readonly pending?: readonly Draft[];
}

/** The space of the store that holds them, by the target's key. */
export const memorySpace = "cuir.targets";

/** How it is remembered from a change on. */
export function remember(
  { program, source }: Pick<Memory, "program" | "source">,
  {
    status,
    atMs,
    number,
    episode,
    toldMs,
    face,
  }: Pick<Memory, "status" | "number"> & {
    readonly atMs: number;
    readonly episode: string | undefined;
    readonly toldMs: number | undefined;
    readonly face: Face | undefined;
  },
): Memory {
  return {
    program,
    source,
    status,
    sinceMs: atMs,
    number,
    ...(status === "up" || episode === undefined ? undefined : { episode }),
    ...(toldMs === undefined ? undefined : { toldMs }),
    ...(face === undefined ? undefined : { face }),
  };
}

export function toJson(memory: Memory): Json {
  return JSON.parse(JSON.stringify(memory)) as Json;
}

/** Undefined where it is not what we once wrote. */
export function readMemory(json: Json | undefined): Memory | undefined {
  const memory = json as unknown as Memory | undefined;
  return typeof memory === "object" &&
    memory !== null &&
    typeof memory.number === "number" &&
    "status" in memory
    ? memory
    : undefined;
}
