// What the prober says of itself: that it lives, what changed in its orders, and what it could not send. Pure.
import type { Draft } from "../event.ts";
import type { Silence } from "./silence.ts";
import type { Target } from "./target.ts";

/** The fields under `cuir` of what is said here and in trouble.ts: docs/CUIR.md is made of this. */
export const proberFields = {
  configuration: "Alive: names the list that is watched.",
  targets: "Alive: how many are watched.",
  down: "Alive: how many of them are down.",
  unknown: "Alive: how many cannot be judged.",
  silenced: "Alive: of how many people are not told.",
  probes: "Alive: how many of their probes have ended.",
  missed: "Alive: rounds that were skipped since Cuir's start.",
  lag_p99_ms: "Alive: how late probes began, 99th percentile.",
  next_due: "Alive: when the next probe is due.",
  expected_before: "Alive: if no further one has come by then, Cuir is dead.",
  held: "Trouble: how many targets are not judged for it.",
  held_programs: "Trouble: which; fifty at most.",
  lost: "Lost: how many repeats did not fit.",
  programs: "Lost: how many of each target; a hundred targets at most.",
  hash: "Configuration changed: names the new list, as `configuration` does.",
  added: "Configuration changed: the targets that are new.",
  removed: "Configuration changed: those that are gone.",
  altered: "Configuration changed: those that are watched otherwise. A hundred of each at most.",
} as const;

export interface Life {
  readonly targets: number;
  readonly down: number;
  readonly unknown: number;
  readonly silenced: number;
  readonly probes: number;
  readonly missed: number;
  readonly lagP99Ms: number;
  /** Milliseconds since the epoch. */
  readonly nextDueMs: number | undefined;
  /** Events that wait for delivery. */
  readonly waiting: number;
}

/** `expected_before`: when no further one has come by then, this prober is dead. */
export function alive(
  life: Life,
  { host, hash, atMs, everyMs }: { host: string; hash: string | undefined; atMs: number; everyMs: number },
): Draft {
  const summary = `prober alive: ${life.targets} targets, ${life.down} down, ${life.missed} rounds missed, lag p99 ${life.lagP99Ms} ms`;
  const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return {
    atMs,
    class: "repeat",
    message: summary,
    program: "cuir",
    source: "prober",
    tags: ["cuir", "prober", "alive"],
    notify: false,
    outcome: "success",
    details: {
      summary,
      prober: host,
      configuration: hash,
      targets: life.targets,
      down: life.down,
      unknown: life.unknown,
      silenced: life.silenced,
      probes: life.probes,
      missed: life.missed,
      lag_p99_ms: life.lagP99Ms,
      next_due: iso(life.nextDueMs),
      expected_before: iso(atMs + 2 * everyMs),
    },
  };
}

/** What did not fit while delivery stood still. */
export function refusal(refused: ReadonlyMap<string, number>, atMs: number): Draft {
  const count = [...refused.values()].reduce((sum, one) => sum + one, 0);
  const summary = `${count} repeated events were not sent, since delivery stood still`;
  return {
    atMs,
    class: "loss",
    message: summary,
    program: "cuir",
    source: "outbox",
    tags: ["cuir", "repeats", "lost"],
    notify: false,
    details: { summary, lost: count, programs: Object.fromEntries([...refused].slice(0, 100)) },
  };
}

export interface Replaced {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

const mostNamed = 100;

export function configurationChanged(
  { added, removed, changed: altered }: Replaced,
  { hash, atMs }: { hash: string | undefined; atMs: number },
): Draft {
  const summary = `configuration changed: ${added.length} targets added, ${removed.length} removed, ${altered.length} changed`;
  const some = (programs: readonly string[]) => programs.slice(0, mostNamed);
  return {
    atMs,
    class: "change",
    message: summary,
    program: "cuir",
    source: "configuration",
    tags: ["cuir", "configuration", "changed"],
    notify: false,
    details: { summary, hash, added: some(added), removed: some(removed), altered: some(altered) },
  };
}

export interface SilencedOptions {
  readonly begins: boolean;
  readonly atMs: number;
  /** Undefined where it is no target of ours (any more). */
  readonly target: Target | undefined;
}

export function silenced(
  { program, reason, sinceMs, untilMs }: Silence,
  { begins, atMs, target }: SilencedOptions,
): Draft {
  const until = new Date(untilMs).toISOString();
  const name = target?.program ?? program;
  const summary = begins
    ? `${name} silenced until ${until}: ${reason}`
    : `${name} no longer silenced (${reason})`;
  return {
    atMs: begins ? sinceMs : atMs,
    class: "change",
    message: summary,
    program: name,
    source: target?.source ?? program,
    tags: ["cuir", name, "silence", begins ? "begins" : "ends"],
    notify: false,
    details: { summary, silence: { until, reason } },
  };
}
