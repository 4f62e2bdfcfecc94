// `cuir --test-notification PROGRAM`: sends a marked event of that target through everything, as a real one would go.
import type { Source } from "../envelope.ts";
import type { Events } from "../event.ts";
import { UsageError } from "../errors.ts";
import { up } from "../probe/outcome.ts";
import { draft } from "../probe/report.ts";
import type { Target } from "../probe/target.ts";

export const testNotificationFlag = {
  task: true,
  help: "send a marked notification of this target through everything",
  value: "PROGRAM",
} as const;

/** One batch of one event. Throws a UsageError where there is no such target. */
export function testNotification(
  program: string,
  { targets, events, host }: { targets: readonly Target[]; events: Events; host: string },
): Source {
  const target = findTarget(program, targets);
  const facts = { target, outcome: up, atMs: Date.now(), status: "new" as const, prober: host };
  const envelope = events.create(draft(facts, "test", true));
  return (async function* () {
    yield { events: [envelope], accepted: () => {} };
  })();
}

export function findTarget(program: string, targets: readonly Target[]): Target {
  const target = targets.find((one) => one.program.toLowerCase() === program.toLowerCase());
  if (target) return target;
  const known = targets.slice(0, 10).map((one) => one.program);
  throw new UsageError(
    `"${program}" is no target${known.length > 0 ? `: there are ${known.join(", ")}${targets.length > 10 ? ", …" : ""}` : ""}`,
  );
}
