// Our own trouble, told once for all the targets that it hides: when it begins and when it is over.
import type { Draft } from "../event.ts";
import { type Cause, causes } from "./cause.ts";

export interface Troubles {
  /** A target cannot be judged, for a cause of ours. */
  begin(cause: Cause, program: string): void;
  /** It is judged again. */
  end(program: string): void;
  /** How many targets are not judged. */
  readonly count: number;
}

const mostNamed = 50;

export function createTroubles({ now, say }: { now: () => number; say: (draft: Draft) => void }): Troubles {
  const open = new Map<Cause, { sinceMs: number; held: Set<string>; programs: Set<string> }>();

  function tell(cause: Cause, over: boolean) {
    const trouble = open.get(cause)!;
    const atMs = now();
    const { text } = causes[cause];
    const name = cause === "isolated" ? "prober isolated" : `prober in trouble: ${text}`;
    const summary = over
      ? `${name}: over, ${trouble.held.size} targets were not judged since ${new Date(trouble.sinceMs).toISOString()}`
      : `${name}: its targets are not judged until that is over`;
    say({
      atMs,
      class: "change",
      message: over ? `RECOVERED: ${name}` : name,
      program: "cuir",
      source: "prober",
      tags: ["cuir", "prober", over ? "up" : cause === "isolated" ? "isolated" : "trouble"],
      notify: true,
      outcome: over ? "success" : "failure",
      details: {
        summary,
        cause,
        layer: "prober",
        since: new Date(trouble.sinceMs).toISOString(),
        held: trouble.held.size,
        programs: [...trouble.held].slice(0, mostNamed),
      },
    });
  }

  return {
    begin(cause, program) {
      const trouble = open.get(cause);
      if (trouble) {
        trouble.programs.add(program);
        trouble.held.add(program);
        return;
      }
      open.set(cause, { sinceMs: now(), held: new Set([program]), programs: new Set([program]) });
      tell(cause, false);
    },
    end(program) {
      for (const [cause, { programs }] of open) {
        if (!programs.delete(program) || programs.size > 0) continue;
        tell(cause, true);
        open.delete(cause);
      }
    },
    get count() {
      let count = 0;
      for (const { programs } of open.values()) count += programs.size;
      return count;
    },
  };
}
