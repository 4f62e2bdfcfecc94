// When things are due: alarms in a heap behind one timer, and the grid of moments at which a target is probed.
// Invariants: times are monotonic milliseconds; a grid neither drifts nor catches up; setting an alarm allocates nothing;
// an alarm rings less than `earlyMs` early.
import { mostTimerMs } from "../waiting.ts";

/** One alarm, made once and set again and again. */
export interface Alarm {
  dueMs: number;
  /** Its place in the heap; -1 while it is not set. */
  place: number;
  readonly ring: (nowMs: number) => void;
}

export interface Alarms {
  set(alarm: Alarm, dueMs: number): void;
  clear(alarm: Alarm): void;
  /** Clears all of them. */
  close(): void;
}

export function createAlarm(ring: (nowMs: number) => void): Alarm {
  return { dueMs: 0, place: -1, ring };
}

/** So many alarms ring in one turn of the event loop, before sockets have theirs. */
const mostPerTurn = 200;
/**
 * What is due sooner rings now: Node's timers are that early, for they count whole milliseconds of a clock that is read
 * once a turn. To be never early is a second wake-up for every other alarm, and late.
 */
export const earlyMs = 2;

export function createAlarms(now: () => number): Alarms {
  const heap: Alarm[] = [];
  let timer: NodeJS.Timeout | undefined;
  let armedMs = Infinity;

  function put(alarm: Alarm, place: number) {
    heap[place] = alarm;
    alarm.place = place;
  }

  function rise(alarm: Alarm, from: number) {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above]!;
      if (parent.dueMs <= alarm.dueMs) break;
      put(parent, place);
      place = above;
    }
    put(alarm, place);
  }

  function sink(alarm: Alarm, from: number) {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.dueMs < heap[below]!.dueMs) below += 1;
      const child = heap[below]!;
      if (child.dueMs >= alarm.dueMs) break;
      put(child, place);
      place = below;
    }
    put(alarm, place);
  }

  function settle(alarm: Alarm, place: number) {
    if (place > 0 && heap[(place - 1) >> 1]!.dueMs > alarm.dueMs) rise(alarm, place);
    else sink(alarm, place);
  }

  function remove(alarm: Alarm) {
    const { place } = alarm;
    alarm.place = -1;
    const last = heap.pop()!;
    if (last !== alarm) settle(last, place);
  }

  function arm() {
    const dueMs = heap[0]?.dueMs ?? Infinity;
    if (dueMs === armedMs) return;
    clearTimeout(timer);
    armedMs = dueMs;
    // Waking once too often is harmless.
    if (dueMs !== Infinity)
      timer = setTimeout(turn, Math.min(Math.max(Math.floor(dueMs - now()), 1), mostTimerMs));
  }

  function turn() {
    armedMs = Infinity;
    const nowMs = now();
    for (let count = 0; count < mostPerTurn; count += 1) {
      const alarm = heap[0];
      if (alarm === undefined || alarm.dueMs >= nowMs + earlyMs) break;
      remove(alarm);
      alarm.ring(nowMs);
    }
    arm();
  }

  return {
    set(alarm, dueMs) {
      alarm.dueMs = dueMs;
      if (alarm.place >= 0) settle(alarm, alarm.place);
      else {
        heap.push(alarm);
        rise(alarm, heap.length - 1);
      }
      if (dueMs < armedMs) arm();
    },
    clear(alarm) {
      // The timer stays armed: ringing for nobody is cheaper than arming it anew.
      if (alarm.place >= 0) remove(alarm);
    },
    close() {
      clearTimeout(timer);
      armedMs = Infinity;
      for (const alarm of heap) alarm.place = -1;
      heap.length = 0;
    },
  };
}

/** First probes are spread over the interval, but nobody waits an hour for the first look. */
const mostFirstMs = 10_000;

/** The moments at which one target is due: `interval` apart, at a place within it that its name decides. */
export interface Grid {
  readonly firstMs: number;
  /** The first moment of the grid after the given one. */
  after(momentMs: number): number;
}

export interface GridOptions {
  /** Monotonic. */
  readonly startMs: number;
  readonly intervalMs: number;
  /** The wall clock's at `startMs`: several Cuirs then probe a target in the same moments, and agree on rounds. */
  readonly wallMs?: number;
}

export function createGrid(key: string, { startMs, intervalMs, wallMs = 0 }: GridOptions): Grid {
  const part = hashFraction(key);
  const turned = (part - ((wallMs / intervalMs) % 1) + 1) % 1;
  const phaseMs = startMs + turned * intervalMs;
  return {
    firstMs: startMs + turned * Math.min(intervalMs, mostFirstMs),
    // A moment of the grid itself may come out a rounding error before itself.
    after: (momentMs) => phaseMs + (Math.floor((momentMs - phaseMs) / intervalMs + 1e-9) + 1) * intervalMs,
  };
}

/** FNV-1a with murmur's finish, to [0, 1): the same name always has the same place. */
export function hashFraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash >>> 0) / 2 ** 32;
}
