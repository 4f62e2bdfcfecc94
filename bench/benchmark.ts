// What a benchmark is: contenders that do the same work in turns, and the bars that ours are held to.
import type { Figure } from "./measure.ts";
import type { Moustash } from "./moustash.ts";

export interface Bar {
  /** A figure of ours. */
  readonly of: string;
  /** The peer's figure that it is divided by; without it the figure itself is judged. */
  readonly to?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Bench {
  readonly moustash: Moustash;
  /** 1 is the whole work; a smoke test does a small part of it. */
  readonly size: number;
  readonly rounds: number;
  say(line: string): void;
}

export interface Benchmark {
  readonly name: string;
  /** One line. */
  readonly work: string;
  /** Rounds of a whole run. */
  readonly rounds: number;
  readonly bars: readonly Bar[];
  /** Figures by name; throws where the work was not done. */
  run(bench: Bench): Promise<Readonly<Record<string, Figure>>>;
}

/** The part of a count that this run does. */
export const part = (count: number, { size }: Pick<Bench, "size">, least = 1): number =>
  Math.max(least, Math.round(count * size));

/** Work that was not done is no measurement. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`the work was not done: ${what}`);
}
