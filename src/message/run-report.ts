// What is said of a wrapped command: when it starts, while it runs, and how it ended. Pure.
import type { Draft } from "../event.ts";
import type { Ended } from "./command.ts";
import type { Decision } from "./remember.ts";
import { mask, maskWords } from "./tail.ts";
import { type Wording, distinct, toDraft } from "./wording.ts";

export interface RunWording {
  readonly wording: Wording;
  /** -m: what people call it. */
  readonly name: string;
  readonly command: readonly string[];
  readonly mask: readonly RegExp[];
  /** Shared by all events of this run. */
  readonly runId: string;
}

export function startedDraft(
  run: RunWording,
  { atMs, pid }: { atMs: number; pid: number | undefined },
): Draft {
  const draft = draftOf(run, { message: `${run.name} started`, atMs, phase: "started", details: { pid } });
  return { ...draft, outcome: "unknown" };
}

export function runningDraft(run: RunWording, { atMs, forMs }: { atMs: number; forMs: number }): Draft {
  const details = { duration_ms: Math.round(forMs) };
  const message = `${run.name} is running since ${spell(forMs)}`;
  return {
    ...draftOf(run, { message, atMs, phase: "running", details }),
    class: "repeat",
    outcome: "unknown",
  };
}

export function endedDraft(
  run: RunWording,
  ended: Ended,
  decision: Pick<Decision, "notify" | "recovered">,
): Draft {
  const { wording } = run;
  const succeeded = ended.exitCode === 0;
  const message = `${run.name} ${describe(ended)}`;
  const details = {
    exit_code: ended.exitCode,
    signal: ended.signal,
    killed: ended.killed,
    trouble: ended.trouble,
    duration_ms: ended.durationMs,
    cpu_user_ms: ended.usage?.userMs,
    cpu_system_ms: ended.usage?.systemMs,
    peak_memory_bytes: ended.usage?.peakBytes,
    ...Object.fromEntries(
      Object.entries(ended.tails).map(([name, lines]: [string, readonly string[]]) => [
        name,
        lines.map((line) => mask(line, run.mask)),
      ]),
    ),
  };
  const draft = draftOf(run, {
    message: decision.recovered ? `RECOVERED: ${message}` : message,
    atMs: ended.atMs,
    phase: succeeded ? "succeeded" : "failed",
    details,
  });
  return {
    ...draft,
    class: decision.recovered || !succeeded ? "change" : "message",
    notify: wording.notify ?? decision.notify,
    outcome: succeeded ? "success" : "failure",
  };
}

interface Phase {
  readonly message: string;
  readonly atMs: number;
  readonly phase: "started" | "running" | "succeeded" | "failed";
  readonly details: Readonly<Record<string, unknown>>;
}

function draftOf(
  { wording, command, mask: patterns, runId }: RunWording,
  { message, atMs, phase, details }: Phase,
) {
  const id =
    wording.id === undefined
      ? {}
      : { id: phase === "running" ? `${wording.id}-${atMs}` : `${wording.id}-${phase}` };
  const spoken = maskWords(command, patterns).slice(0, mostCommandLength);
  const draft = toDraft(wording, {
    message,
    atMs,
    ...id,
    details: { run: runId, phase, command: spoken, ...details },
  });
  return { ...draft, notify: false, tags: distinct(["panpan", wording.program, phase, ...draft.tags]) };
}

const mostCommandLength = 1000;

/** How it ended, in one line. */
export function describe({ exitCode, signal, trouble, killed, durationMs }: Ended): string {
  const after = `after ${spell(durationMs)}`;
  if (trouble !== undefined) return `failed: ${trouble}`;
  if (killed) return `failed: it ran longer than it may, ended by us ${after}`;
  if (signal !== undefined) return `failed: killed by ${signal} ${after}`;
  return exitCode === 0 ? `succeeded ${after}` : `failed: exit code ${exitCode} ${after}`;
}

/** `350 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`. */
export function spell(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
