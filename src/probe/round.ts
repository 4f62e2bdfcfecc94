// One round: each target is probed once, side by side but bounded, and each result comes as it ends.
import type { Outcome, Trace } from "./outcome.ts";
import { type Prober, startProber } from "./prober.ts";
import { createResolver } from "./resolve.ts";
import { createAlarms } from "./schedule.ts";
import type { Rules } from "./settings.ts";
import { rule } from "./ruling.ts";
import type { Target } from "./target.ts";

export interface Result {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly trace: Readonly<Trace>;
}

/** So many at once: below what a process may open. */
const mostAtOnce = 500;

export async function* probeRound(
  targets: readonly Target[],
  { rulesOf, signal }: { rulesOf: (target: Target) => Rules; signal?: AbortSignal },
): AsyncGenerator<Result, void, undefined> {
  const now = () => performance.now();
  const alarms = createAlarms(now);
  const resolver = createResolver();
  const waiting = [...targets];
  const underway = new Set<Prober>();
  const results: Result[] = [];
  let wake = () => {};

  function start(target: Target) {
    const rules = rulesOf(target);
    const prober = startProber({
      target,
      intervalMs: rules.interval,
      timeoutMs: rules.timeout,
      recheckMs: rules.recheck,
      addressing: rules.address,
      alarms,
      resolver,
      now,
      startMs: now(),
      wallMs: 0,
      judge(outcome, trace) {
        prober.stop();
        underway.delete(prober);
        results.push({ target, outcome: rule(outcome, trace, target, rules), trace });
        wake();
        return false;
      },
    });
    underway.add(prober);
    prober.hurry();
  }

  const abort = () => wake();
  signal?.addEventListener("abort", abort);
  try {
    for (;;) {
      if (signal?.aborted) return;
      while (underway.size < mostAtOnce && waiting.length > 0) start(waiting.shift()!);
      if (results.length === 0 && underway.size === 0) return;
      if (results.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      yield* results.splice(0);
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    for (const prober of underway) prober.stop();
    alarms.close();
  }
}
