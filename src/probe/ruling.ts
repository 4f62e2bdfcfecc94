// What a target's own rules make of what was found: inverted, and slow. Pure.
import { type Outcome, type Trace, fail, up } from "./outcome.ts";
import type { Rules } from "./settings.ts";
import type { Target } from "./target.ts";

export function rule(
  outcome: Outcome,
  trace: Readonly<Trace>,
  { values }: Pick<Target, "values">,
  rules: Pick<Rules, "slow">,
): Outcome {
  if (outcome.verdict === "unknown") return outcome;
  if (values.inverted)
    return outcome.verdict === "down" ? up : fail("open", outcome.detail, outcome.evidence);
  const { totalMs = 0 } = trace;
  if (outcome.verdict === "up" && rules.slow !== undefined && totalMs > rules.slow)
    return fail("slow", `${totalMs.toFixed(0)} ms`, outcome.evidence);
  return outcome;
}
