// What a benchmark found: its bars judged, as an object for programs and as lines for people. Pure.
import type { Bar, Benchmark } from "./benchmark.ts";
import { type Figure, type Spread, ratios, spreadOf } from "./measure.ts";

export interface Judged extends Spread {
  /** What was judged: `panpan / node -e 0`. */
  readonly what: string;
  /** The median. */
  readonly ratio: number;
  /** `≤ 2`. */
  readonly bar: string;
  readonly held: boolean;
}

export interface Report {
  readonly name: string;
  readonly work: string;
  readonly rounds: number;
  readonly figures: readonly (Spread & { readonly name: string; readonly unit: string })[];
  readonly ratios: readonly Judged[];
  /** All bars of this benchmark, and whether every one is held. */
  readonly bar: string;
  readonly held: boolean;
}

export function toReport(
  { name, work, bars }: Benchmark,
  figures: Readonly<Record<string, Figure>>,
  rounds: number,
): Report {
  const judged = bars.map((bar) => judge(bar, figures));
  return {
    name,
    work,
    rounds,
    figures: Object.entries(figures).map(([figure, { unit, values }]) => ({
      name: figure,
      unit,
      ...rounded(spreadOf(values)),
    })),
    ratios: judged,
    bar: judged.map(({ what, bar }) => `${what} ${bar}`).join(", "),
    held: judged.every(({ held }) => held),
  };
}

function judge({ of, to, atMost, atLeast }: Bar, figures: Readonly<Record<string, Figure>>): Judged {
  const ours = figures[of]!;
  const spread = rounded(spreadOf(to === undefined ? ours.values : ratios(ours, figures[to]!)));
  const value = spread.median;
  return {
    what: to === undefined ? `${of} (${ours.unit})` : `${of} / ${to}`,
    ratio: value,
    ...spread,
    bar: atMost === undefined ? `≥ ${round(atLeast!)}` : `≤ ${round(atMost)}`,
    held: atMost === undefined ? value >= atLeast! : value <= atMost,
  };
}

/** Three digits that matter, more where a number has them before its point. */
function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

function rounded({ median, min, max }: Spread): Spread {
  return { median: round(median), min: round(min), max: round(max) };
}

/** Lines of at most 100 columns or so: the figures, then the bars. */
export function toLines({ name, work, rounds, figures, ratios }: Report): string[] {
  const width = Math.max(
    ...[...figures.map((one) => one.name), ...ratios.map((one) => one.what)].map(length),
  );
  return [
    `${name}: ${work} (${rounds} rounds)`,
    ...figures.map(
      (one) =>
        `  ${one.name.padEnd(width)}  ${show(one.median)} ${one.unit}  (${show(one.min).trim()} … ${show(one.max).trim()})`,
    ),
    ...ratios.map(
      (one) =>
        `  ${one.what.padEnd(width)}  ${show(one.ratio)} ${one.bar.padEnd(8)} ${one.held ? "held" : "NOT HELD"}  (${show(one.min).trim()} … ${show(one.max).trim()})`,
    ),
  ];
}

const length = (text: string) => text.length;
const show = (value: number) => value.toLocaleString("en").padStart(10);
