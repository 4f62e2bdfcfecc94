// Whether a target changes too often to be told each time. Pure but for its own short memory.

export interface Flap {
  /** Whether it flaps now. */
  readonly active: boolean;
  /** Changes since it began to flap. */
  readonly changes: number;
  /** A change happened; true where flapping begins with it. */
  changed(atMs: number): boolean;
  /** What is due: a digest once per window, or the news that it is over. */
  due(atMs: number): "digest" | "over" | undefined;
}

export function createFlap({ most, windowMs }: { most: number | undefined; windowMs: number }): Flap {
  let times: number[] = [];
  let active = false;
  let changes = 0;
  let toldMs = 0;
  return {
    get active() {
      return active;
    },
    get changes() {
      return changes;
    },
    changed(atMs) {
      if (most === undefined) return false;
      times = times.filter((one) => atMs - one < windowMs);
      times.push(atMs);
      if (active) changes += 1;
      else if (times.length >= most) {
        active = true;
        changes = times.length;
        toldMs = atMs;
        return true;
      }
      return false;
    },
    due(atMs) {
      if (!active || most === undefined || atMs - toldMs < windowMs) return undefined;
      toldMs = atMs;
      times = times.filter((one) => atMs - one < windowMs);
      // Half as many: or it would flap about flapping.
      if (times.length * 2 > most) return "digest";
      active = false;
      return "over";
    },
  };
}
