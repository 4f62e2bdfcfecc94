// Our own trouble, told once for all the targets that it hides: when it begins and when it is over.
import type { Draft } from "../event.ts";
import { type Cause, causes } from "./cause.ts";
import { type Alarm, type Alarms, createAlarm } from "./schedule.ts";

export interface Troubles {
  /** A target cannot be judged, for a cause of ours. */
  begin(cause: Cause, program: string): void;
  /** It is judged again. */
  end(program: string): void;
  /** How many targets are not judged. */
  readonly count: number;
}

export interface TroublesOptions {
  /** Milliseconds since the epoch, and monotonic. */
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly alarms: Alarms;
  readonly say: (draft: Draft) => void;
}

interface Trouble {
  readonly sinceMs: number;
  /** All that it ever hid, and those that it hides still. */
  readonly held: Set<string>;
  readonly programs: Set<string>;
  readonly alarm: Alarm;
}

const mostNamed = 50;
/** Targets come to the same trouble one after the other: so long they are gathered, to be told together. */
const gatherMs = 1000;

export function createTroubles({ now, monotonic, alarms, say }: TroublesOptions): Troubles {
  const open = new Map<Cause, Trouble>();

  function tell(cause: Cause, over: boolean) {
    const trouble = open.get(cause)!;
    const atMs = over ? now() : trouble.sinceMs;
    const { text } = causes[cause];
    const name = cause === "isolated" ? "prober isolated" : `prober in trouble: ${text}`;
    const { size } = trouble.held;
    const targets = size === 1 ? "1 target is" : `${size} targets are`;
    const summary = over
      ? `${name}: over; ${size === 1 ? "1 target was" : `${size} targets were`} not judged since ${new Date(trouble.sinceMs).toISOString()}`
      : `${name}: ${targets} not judged until that is over`;
    say({
      atMs,
      class: "change",
      message: over ? `RECOVERED: ${name}` : name,
      program: "cuir",
      source: "prober",
      tags: ["cuir", "prober", over ? "up" : cause === "isolated" ? "isolated" : "trouble"],
      notify: true,
      outcome: over ? "success" : "failure",
      details: {
        summary,
        cause,
        layer: "prober",
        since: new Date(trouble.sinceMs).toISOString(),
        held: size,
        held_programs: [...trouble.held].slice(0, mostNamed),
      },
    });
  }

  return {
    begin(cause, program) {
      const trouble = open.get(cause);
      if (trouble) {
        trouble.programs.add(program);
        trouble.held.add(program);
        return;
      }
      const alarm = createAlarm(() => tell(cause, false));
      open.set(cause, { sinceMs: now(), held: new Set([program]), programs: new Set([program]), alarm });
      alarms.set(alarm, monotonic() + gatherMs);
    },
    end(program) {
      for (const [cause, { programs, alarm }] of open) {
        if (!programs.delete(program) || programs.size > 0) continue;
        if (alarm.place >= 0) {
          alarms.clear(alarm);
          tell(cause, false);
        }
        tell(cause, true);
        open.delete(cause);
      }
    },
    get count() {
      let count = 0;
      for (const { programs } of open.values()) count += programs.size;
      return count;
    },
  };
}
