// What we know of each process of one supervisord: its last state, how long it ran and took to start, how often it
// was restarted, whether people were told of trouble with it. Kept in the store, so that it outlives us.
import type { Json, Store } from "../store/store.ts";
import { space } from "./journal.ts";
import type { ProcessState, StatePayload } from "./notification.ts";

export interface Known {
  readonly state: ProcessState;
  readonly atMs: number;
  readonly pid?: number;
  /** When it was last spawned, and last began to run. */
  readonly spawnedMs?: number;
  readonly runningMs?: number;
  /** Spawns of the last hour, milliseconds with spaces between: one text is written far sooner than 200 numbers. */
  readonly spawns: string;
  /** Whether the last that people were told of it was bad. */
  readonly faulty: boolean;
}

/** What a change of state says beside the notification. */
export interface Course {
  readonly before: Known | undefined;
  /** EXITED, STOPPED, BACKOFF: since it was spawned. */
  readonly ranMs?: number;
  /** RUNNING: since it was spawned. */
  readonly startedInMs?: number;
  /** Spawns within the last hour beyond the first. */
  readonly restartsLastHour?: number;
}

export interface Processes {
  /** A group and a process, as `group:process`. */
  get(name: string): Known | undefined;
  /** Whether anything was known when we came. */
  readonly remembered: boolean;
  names(): readonly string[];
  /** Takes a change of state; `faulty` as of now, undefined where that does not change. */
  take(
    payload: Pick<StatePayload, "group" | "process" | "state" | "pid">,
    atMs: number,
    faulty?: boolean,
  ): Course;
  forget(name: string): void;
  /** What changed since the last time, for the store. */
  changes(): ReadonlyMap<string, Json | undefined>;
}

const hourMs = 3_600_000;
const mostSpawns = 200;

/** Of the hour before, in order; the same list where nothing changed. */
function spawnsUntil(atMs: number, before: readonly number[], spawned: boolean): readonly number[] {
  const old = before.findIndex((ms) => ms > atMs - hourMs);
  const recent = old === 0 || before.length === 0 ? before : old < 0 ? [] : before.slice(old);
  return spawned ? [...recent, atMs].slice(-mostSpawns) : recent;
}

export const parseSpawns = (spawns: string): readonly number[] =>
  spawns === "" ? [] : spawns.split(" ").map(Number);

/** An earlier version kept a list. */
function knownOf(value: Json): Known {
  const known = value as unknown as Known;
  const spawns: string | readonly number[] = known.spawns;
  return typeof spawns === "string" ? known : { ...known, spawns: (spawns as readonly number[]).join(" ") };
}

export const fullName = (group: string, process: string) => `${group}:${process}`;

export async function openProcesses(store: Store, stream: string): Promise<Processes> {
  const prefix = `process ${stream} `;
  const known = new Map<string, Known>();
  for (const [key, value] of await store.entries(space)) {
    if (key.startsWith(prefix)) known.set(key.slice(prefix.length), knownOf(value));
  }
  const spawnLists = new Map([...known].map(([name, process]) => [name, parseSpawns(process.spawns)]));
  const remembered = known.size > 0;
  const changed = new Set<string>();

  return {
    get: (name) => known.get(name),
    remembered,
    names: () => [...known.keys()],
    take({ group, process, state, pid }, atMs, faulty) {
      const name = fullName(group, process);
      const before = known.get(name);
      const spawned = state === "STARTING";
      const spawnedMs = spawned ? atMs : before?.spawnedMs;
      const runningMs = state === "RUNNING" ? atMs : before?.runningMs;
      const spawnsBefore = spawnLists.get(name) ?? [];
      const spawns = spawnsUntil(atMs, spawnsBefore, spawned);
      spawnLists.set(name, spawns);
      known.set(name, {
        state,
        atMs,
        ...(pid !== undefined && { pid }),
        ...(spawnedMs !== undefined && { spawnedMs }),
        ...(runningMs !== undefined && { runningMs }),
        spawns: before && spawns === spawnsBefore ? before.spawns : spawns.join(" "),
        faulty: faulty ?? before?.faulty ?? false,
      });
      changed.add(name);
      const since = before?.spawnedMs === undefined ? undefined : Math.max(0, atMs - before.spawnedMs);
      const ended = state === "EXITED" || state === "STOPPED" || state === "BACKOFF";
      return {
        before,
        ...(ended && since !== undefined && { ranMs: since }),
        ...(state === "RUNNING" && since !== undefined && { startedInMs: since }),
        ...(spawns.length > 1 && { restartsLastHour: spawns.length - 1 }),
      };
    },
    forget(name) {
      spawnLists.delete(name);
      if (known.delete(name)) changed.add(name);
    },
    changes() {
      const map = new Map<string, Json | undefined>();
      for (const name of changed) map.set(prefix + name, known.get(name) as unknown as Json | undefined);
      changed.clear();
      return map;
    },
  };
}

export interface Remembered extends Known {
  readonly stream: string;
  /** `group:process` */
  readonly name: string;
}

/** What the running Fouet last wrote, of all streams, by stream and name. */
export async function readProcesses(store: Store): Promise<readonly Remembered[]> {
  return [...(await store.entries(space))]
    .filter(([key]) => key.startsWith("process "))
    .map(([key, value]) => {
      // A stream may hold spaces; names of groups and processes may not.
      const at = key.lastIndexOf(" ");
      return {
        ...knownOf(value),
        stream: key.slice("process ".length, at),
        name: key.slice(at + 1),
      };
    })
    .toSorted((one, other) => one.stream.localeCompare(other.stream) || one.name.localeCompare(other.name));
}
