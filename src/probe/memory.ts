// What Cuir remembers of a target between two of its lives, in the store.
// Invariant: a transition is in `pending`, with its id, before it is sent, and leaves it only once it is accepted.
import type { Draft } from "../event.ts";
import type { Json } from "../store/store.ts";
import type { Face } from "./evidence.ts";
import type { Told } from "./hearing.ts";
import type { Status } from "./transition.ts";

/** Where people have heard that it is not well, also when: with the status up, its end is still owed to them. */
export interface Memory extends Told {
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
  readonly pending?: readonly Draft[];
  /** It is watched no more: this stays only until what is pending is accepted. */
  readonly removed?: true;
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
    told,
    face,
  }: Pick<Memory, "status" | "number"> & {
    readonly atMs: number;
    readonly episode: string | undefined;
    readonly told: Told;
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
    ...(face === undefined ? undefined : { face }),
    ...told,
  };
}

/** The same state, of which people have heard something else. */
export function retell({ toldMs: _ms, toldEpisode: _episode, ...rest }: Memory, told: Told): Memory {
  return { ...rest, ...told };
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
