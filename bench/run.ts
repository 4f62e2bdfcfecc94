// Measures Moustash beside its peers, in one run: npm run bench
//   npm run bench [-- NAME… --json --rounds N --size PART]
// Names run these benchmarks alone (soak, ten minutes of load, runs only so); --json prints one object as the last line; --size 0.1 does a tenth of the work.
// The whole draws docs/performance.svg, growth docs/growth.svg.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { main, say, ScriptError } from "../scripts/command.ts";
import { ensurePackages } from "../scripts/packages.ts";
import type { Benchmark } from "./benchmark.ts";
import { curves } from "./growth.ts";
import { benchmarks, byNameAlone } from "./list.ts";
import { type Moustash, buildMoustash } from "./moustash.ts";
import { peerPackages } from "./peers.ts";
import { drawGrowth, drawRatios } from "./picture.ts";
import { type Report, toLines, toReport } from "./report.ts";

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, rounds: { type: "string" }, size: { type: "string" } },
  });
  const chosen = choose(positionals);
  const size = numberOf("--size", values.size) ?? 1;
  await ensurePackages(Object.keys(peerPackages));
  await using moustash = await buildMoustash();
  const reports: Report[] = [];
  for (const benchmark of chosen) {
    const rounds = numberOf("--rounds", values.rounds) ?? benchmark.rounds;
    const report = await measure(benchmark, { moustash, rounds, size });
    reports.push(report);
    const lines = toLines(report).join("\n");
    if (values.json) say(lines);
    else process.stdout.write(`${lines}\n`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports)}\n`);
  // A part of the work is no picture of the whole.
  if (size === 1 && curves.length > 0) await writeFile("docs/growth.svg", drawGrowth(curves));
  if (size === 1 && chosen === benchmarks) {
    const beside = reports.filter(({ name }) => name !== "growth");
    await writeFile("docs/performance.svg", drawRatios(beside));
  }
  const failed = reports.filter(({ held }) => !held).map(({ name }) => name);
  say(failed.length === 0 ? "Every bar is held." : `Bars not held: ${failed.join(", ")}`);
});

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  const whole = flag === "--size" || Number.isInteger(number);
  if (number > 0 && whole) return number;
  throw new ScriptError(
    `${flag} ${text}: give a ${flag === "--size" ? "part such as 0.1" : "number such as 3"}`,
  );
}

function choose(names: readonly string[]): readonly Benchmark[] {
  const all = [...benchmarks, ...byNameAlone];
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(", ");
    throw new ScriptError(`no benchmark is called ${unknown.join(", ")}; there are ${known}`);
  }
  return names.length === 0 ? benchmarks : all.filter(({ name }) => names.includes(name));
}

async function measure(
  benchmark: Benchmark,
  options: { moustash: Moustash; rounds: number; size: number },
): Promise<Report> {
  say(`${benchmark.name}: ${benchmark.work} …`);
  const figures = await benchmark.run({ ...options, say });
  return toReport(benchmark, figures, options.rounds);
}
