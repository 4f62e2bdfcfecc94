// What we know of each process of one supervisord: its last state, how long it ran and took to start, how often it
// was restarted, whether people were told of trouble with it. Kept in the store, so that it outlives us.
import type { Json, Store } from "../store/store.ts";
import { flat } from "../flat.ts";
import { space } from "./journal.ts";
import type { ProcessState, StatePayload } from "./notification.ts";

export interface Known {
  readonly state: ProcessState;
  readonly atMs: number;
  readonly pid?: number;
  /** When it was last spawned, and last began to run. */
  readonly spawnedMs?: number;
  readonly runningMs?: number;
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

/** Spawns of the last hour: beside their times the text that is kept of them, for it is written far sooner. */
interface Spawns {
  readonly atMs: readonly number[];
  /** The first in milliseconds, then how much later each came than the one before, with spaces between. */
  readonly text: string;
}

const noSpawns: Spawns = { atMs: [], text: "" };

/** Of the hour before, in order; the same where nothing changed. */
function spawnsUntil(atMs: number, before: Spawns, spawned: boolean): Spawns {
  const old = before.atMs.findIndex((ms) => ms > atMs - hourMs);
  const recent = old === 0 ? before : old < 0 ? noSpawns : without(before, old);
  if (!spawned) return recent;
  const { atMs: times, text } = recent.atMs.length < mostSpawns ? recent : without(recent, 1);
  const last = times.at(-1);
  return { atMs: [...times, atMs], text: last === undefined ? `${atMs}` : flat(`${text} ${atMs - last}`) };
}

function without({ atMs, text }: Spawns, count: number): Spawns {
  let cut = text.indexOf(" ");
  for (let gone = 0; gone < count; gone += 1) cut = text.indexOf(" ", cut + 1);
  return { atMs: atMs.slice(count), text: cut < 0 ? `${atMs[count]}` : `${atMs[count]}${text.slice(cut)}` };
}

function parseSpawns(text: string): Spawns {
  if (text === "") return noSpawns;
  let sum = 0;
  return { atMs: text.split(" ").map((word) => (sum += Number(word))), text };
}

const spawnsOfTimes = (times: readonly number[]): Spawns =>
  times.reduce((spawns, atMs) => spawnsUntil(atMs, spawns, true), noSpawns);

/** Earlier versions kept their times with the process, as text or as a list. */
interface KeptOnce {
  readonly spawns?: string | readonly number[];
}

interface Kept {
  readonly known: Known;
  readonly spawns: Spawns;
  /** As an earlier version did: they are to be written anew. */
  readonly once: boolean;
}

/** What the store has of all processes, by stream and name. */
async function readKept(store: Store): Promise<ReadonlyMap<string, Kept>> {
  const entries = await store.entries(space);
  const kept = new Map<string, Kept>();
  for (const [key, value] of entries) {
    if (!key.startsWith(processPrefix)) continue;
    const streamAndName = key.slice(processPrefix.length);
    const { spawns: before, ...known } = value as unknown as Known & KeptOnce;
    const text = (entries.get(spawnsPrefix + streamAndName) ?? "") as string;
    const times = typeof before === "string" ? before.split(" ").filter(Boolean).map(Number) : before;
    const spawns = times === undefined ? parseSpawns(text) : spawnsOfTimes(times);
    kept.set(streamAndName, { known, spawns, once: before !== undefined });
  }
  return kept;
}

const processPrefix = "process ";
/** Apart, for they change with one state of several. */
const spawnsPrefix = "spawns ";

export const fullName = (group: string, process: string) => `${group}:${process}`;

export async function openProcesses(store: Store, stream: string): Promise<Processes> {
  const prefix = `${stream} `;
  const known = new Map<string, Known>();
  const spawnsOf = new Map<string, Spawns>();
  const changed = new Set<string>();
  const spawnsChanged = new Set<string>();
  for (const [key, kept] of await readKept(store)) {
    if (!key.startsWith(prefix)) continue;
    known.set(key.slice(prefix.length), kept.known);
    spawnsOf.set(key.slice(prefix.length), kept.spawns);
    if (kept.once) spawnsChanged.add(key.slice(prefix.length));
  }
  const remembered = known.size > 0;

  const keys = new Map<string, { process: string; spawns: string }>();
  function keysOf(name: string) {
    let made = keys.get(name);
    if (made === undefined) {
      made = { process: flat(processPrefix + prefix + name), spawns: flat(spawnsPrefix + prefix + name) };
      keys.set(name, made);
    }
    return made;
  }

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
      const spawnsBefore = spawnsOf.get(name) ?? noSpawns;
      const spawns = spawnsUntil(atMs, spawnsBefore, spawned);
      if (spawns !== spawnsBefore) {
        spawnsOf.set(name, spawns);
        spawnsChanged.add(name);
      }
      known.set(name, {
        state,
        atMs,
        ...(pid !== undefined && { pid }),
        ...(spawnedMs !== undefined && { spawnedMs }),
        ...(runningMs !== undefined && { runningMs }),
        faulty: faulty ?? before?.faulty ?? false,
      });
      changed.add(name);
      const since = before?.spawnedMs === undefined ? undefined : Math.max(0, atMs - before.spawnedMs);
      const ended = state === "EXITED" || state === "STOPPED" || state === "BACKOFF";
      return {
        before,
        ...(ended && since !== undefined && { ranMs: since }),
        ...(state === "RUNNING" && since !== undefined && { startedInMs: since }),
        ...(spawns.atMs.length > 1 && { restartsLastHour: spawns.atMs.length - 1 }),
      };
    },
    forget(name) {
      if (spawnsOf.delete(name)) spawnsChanged.add(name);
      if (known.delete(name)) changed.add(name);
    },
    changes() {
      const map = new Map<string, Json | undefined>();
      for (const name of changed)
        map.set(keysOf(name).process, known.get(name) as unknown as Json | undefined);
      for (const name of spawnsChanged) map.set(keysOf(name).spawns, spawnsOf.get(name)?.text);
      for (const name of changed) if (!known.has(name)) keys.delete(name);
      changed.clear();
      spawnsChanged.clear();
      return map;
    },
  };
}

export interface Remembered extends Known {
  readonly stream: string;
  /** `group:process` */
  readonly name: string;
  readonly restartsLastHour: number;
}

/** What the running Fouet last wrote, of all streams, by stream and name. */
export async function readProcesses(store: Store): Promise<readonly Remembered[]> {
  return [...(await readKept(store))]
    .map(([key, { known, spawns }]) => {
      // A stream may hold spaces; names of groups and processes may not.
      const at = key.lastIndexOf(" ");
      return {
        ...known,
        stream: key.slice(0, at),
        name: key.slice(at + 1),
        restartsLastHour: Math.max(0, spawns.atMs.length - 1),
      };
    })
    .toSorted((one, other) => one.stream.localeCompare(other.stream) || one.name.localeCompare(other.name));
}
