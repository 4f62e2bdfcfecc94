// The prober's own pulse: what it does every few seconds, its sign of life, and whether the machine slept in between.
// Monotonic time, and every timer with it, stands still while a machine sleeps (clock_gettime(2), CLOCK_MONOTONIC): so
// nothing is due all at once afterwards, and the machine's uptime, which goes on, tells how long that was.
import { type Alarms, createAlarm } from "./schedule.ts";

export interface PulseOptions {
  readonly alarms: Alarms;
  readonly monotonic: () => number;
  /** Milliseconds since the machine started, its sleep included. */
  readonly uptime?: () => number;
  /** Every few seconds. */
  readonly tick: () => void;
  /** Each `heartbeat`, and when the machine has slept. */
  readonly beat: (everyMs: number) => void;
  readonly slept: (ms: number) => void;
}

export interface Pulse {
  /** Undefined: no sign of life. */
  start(heartbeatMs: number | undefined): void;
}

const tickMs = 2000;
/** Less is no sleep: uptime is told in hundredths of a second, and not at the same moment. */
const leastSleepMs = 500;

export function createPulse(options: PulseOptions): Pulse {
  const { alarms, monotonic, uptime = machineUptimeMs, tick, beat, slept } = options;
  let awakeSinceMs = Infinity;
  let heartbeatMs: number | undefined;

  function lookForSleep() {
    const sinceMs = uptime() - monotonic();
    const sleptMs = sinceMs - awakeSinceMs;
    awakeSinceMs = sinceMs;
    if (sleptMs < leastSleepMs) return;
    slept(sleptMs);
    // What was promised as the next sign of life is overdue.
    if (heartbeatMs !== undefined) alarms.set(heart, monotonic());
  }

  const clock = createAlarm((nowMs) => {
    alarms.set(clock, nowMs + tickMs);
    lookForSleep();
    tick();
  });
  const heart = createAlarm((nowMs) => {
    if (heartbeatMs === undefined) return;
    alarms.set(heart, nowMs + heartbeatMs);
    beat(heartbeatMs);
  });

  return {
    start(everyMs) {
      if (clock.place < 0) alarms.set(clock, monotonic() + tickMs);
      awakeSinceMs = Math.min(awakeSinceMs, uptime() - monotonic());
      heartbeatMs = everyMs;
      if (everyMs === undefined) alarms.clear(heart);
      else alarms.set(heart, monotonic() + everyMs);
    },
  };
}

/** libuv reads /proc/uptime, which goes on while the machine sleeps (proc(5)). */
function machineUptimeMs(): number {
  return process.getBuiltinModule("node:os").uptime() * 1000;
}
