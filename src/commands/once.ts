// `cuir --once`: one round of probes; a table on a terminal, ndjson in a pipe, exit code 1 when something is down.
import { type ExitCode, exitCodes } from "../errors.ts";
import { summarise } from "../probe/report.ts";
import { type Result, probeRound } from "../probe/round.ts";
import { type Rules, rulesOf } from "../probe/settings.ts";
import type { Target } from "../probe/target.ts";
import { formatTable } from "./status.ts";

export const onceFlag = {
  task: true,
  help: "probe each target once, show what was found, exit 1 when something is down",
} as const;

export interface OnceOptions {
  readonly targets: readonly Target[];
  readonly settings: Rules;
  readonly signal: AbortSignal;
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean };
}

export async function once({ targets, settings, signal, output }: OnceOptions): Promise<ExitCode | 1> {
  const results: Result[] = [];
  const rules = (target: Target) => rulesOf(settings, target.values);
  for await (const result of probeRound(targets, { rulesOf: rules, signal })) {
    results.push(result);
    if (!output.isTTY) output.write(`${JSON.stringify(toLine(result))}\n`);
  }
  if (output.isTTY) output.write(tableOf(results));
  return results.length < targets.length || results.some(({ outcome }) => isBad(outcome.verdict))
    ? 1
    : exitCodes.ok;
}

/** Nobody knows that all is well where something could not be judged. */
const isBad = (verdict: string) => verdict === "down" || verdict === "unknown";

function toLine({ target, outcome, trace }: Result) {
  const { program, source, kind, informations } = target;
  const { verdict, cause, detail, evidence } = outcome;
  const round = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms * 1000) / 1000);
  return {
    program,
    source,
    kind,
    outcome: verdict,
    cause,
    detail,
    step: trace.step,
    address: trace.address,
    duration_ms: round(trace.totalMs),
    ms: {
      dns: round(trace.dnsMs),
      connect: round(trace.connectMs),
      tls: round(trace.tlsMs),
      first_byte: round(trace.firstByteMs),
    },
    informations,
    summary: summarise({ target, outcome, trace, atMs: 0, status: verdict }, "probe"),
    ...evidence,
  };
}

const order = ["down", "unknown", "degraded", "up"];

function tableOf(results: readonly Result[]): string {
  const rows = results
    .toSorted((a, b) => order.indexOf(a.outcome.verdict) - order.indexOf(b.outcome.verdict))
    .map(({ target, outcome, trace }) => [
      outcome.verdict,
      target.program,
      target.source,
      `${(trace.totalMs ?? 0).toFixed(1)} ms`,
      [outcome.cause?.replaceAll("_", " "), outcome.detail].filter(Boolean).join(": "),
    ]);
  const all = [["STATE", "PROGRAM", "SOURCE", "TIME", "WHY"], ...rows];
  return formatTable(all);
}
