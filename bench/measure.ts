// Measuring: contenders in turns, medians with what they vary between, CPU time and memory of a process.
import { readFileSync } from "node:fs";

export interface Figure {
  readonly unit: string;
  /** One for each round. */
  readonly values: readonly number[];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One round of one contender: what it measured, by the figures' names. */
export type Contender = () => Promise<Readonly<Record<string, number>>>;

export interface InTurns {
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly warmUps?: number;
  /** Of each figure, by name. */
  readonly units: Readonly<Record<string, string>>;
}

/** Each round has a turn of every contender, every other one backwards, so that a drift of the machine hits all. */
export async function inTurns({ contenders, rounds, warmUps = 1, units }: InTurns) {
  const values = new Map<string, number[]>(Object.keys(units).map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const turn of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const measured = await turn();
      if (round < 0) continue;
      for (const [name, value] of Object.entries(measured)) values.get(name)!.push(value);
    }
  }
  return toFigures(values, units);
}

export function toFigures(
  values: ReadonlyMap<string, readonly number[]>,
  units: Readonly<Record<string, string>>,
): Record<string, Figure> {
  return Object.fromEntries(
    [...values].map(([name, list]) => [name, { unit: units[name]!, values: list } satisfies Figure]),
  );
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** Of sorted values, interpolated. */
export function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * Of two figures, round by round: rounds of one run share the machine's mood, so their ratio is steadier than that
 * of two medians.
 */
export function ratios(of: Figure, to: Figure): number[] {
  return of.values.slice(0, to.values.length).map((value, round) => value / to.values[round]!);
}

/** Seconds of processor that a process has used so far, kernel time and ended threads included. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  // proc_pid_stat(5): fields 14 and 15, utime and stime, in ticks of 1/100 s; the third is the first here.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Megabytes that this process alone holds. */
export function privateMegabytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const kilobytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].map(([, kb]) => Number(kb));
  return kilobytes.reduce((sum, kb) => sum + kb, 0) / 1024;
}
