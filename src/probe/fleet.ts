// All targets as they are watched: started, stopped, replaced by a new list; and what they add up to.
import type { Verdict } from "./cause.ts";
import type { Ledger } from "./ledger.ts";
import type { Memory } from "./memory.ts";
import type { Life, Replaced } from "./notices.ts";
import { startProber } from "./prober.ts";
import { type Resolver, createResolver } from "./resolve.ts";
import type { Alarms } from "./schedule.ts";
import { type Rules, rulesOf } from "./settings.ts";
import { type Subject, type Surroundings, createSubject } from "./subject.ts";
import { quantile } from "./tally.ts";
import { type Target, keyOf } from "./target.ts";

export interface FleetOptions {
  readonly around: Surroundings;
  readonly rules: () => Rules;
  readonly ledger: Pick<Ledger, "recall">;
  /** It is watched no more, or at another address. */
  readonly left: (subject: Subject) => void;
  readonly alarms: Alarms;
  readonly monotonic: () => number;
  /** Each probe that ended. */
  readonly probed: ((program: string, verdict: Verdict, durationMs: number | undefined) => void) | undefined;
}

export interface Fleet {
  subjects(): IterableIterator<Subject>;
  subjectOf(program: string): Subject | undefined;
  start(targets: readonly Target[]): void;
  /** What did not change goes on undisturbed. */
  replace(targets: readonly Target[]): Replaced;
  life(): Pick<Life, "targets" | "down" | "probes" | "missed" | "lagP99Ms" | "nextDueMs">;
  /** The machine slept for so long: nobody was probed. */
  overslept(ms: number): void;
  /** Probes no more; what is known stays. */
  stop(): void;
}

/** Of so many probes the lag is known. */
const mostLags = 1024;

export function createFleet({ around, rules, ledger, left, alarms, monotonic, probed }: FleetOptions): Fleet {
  const { now, troubles } = around;
  const subjects = new Map<string, Subject>();
  const lags = new Float64Array(mostLags);
  let lagCount = 0;
  let missedBefore = 0;
  let resolver: Resolver | undefined;
  const nameOf = ({ program }: Target) => program.toLowerCase();

  function start(target: Target, memory: Memory | undefined) {
    const own = rulesOf(rules(), target.values);
    const subject = createSubject(target, own, around, memory);
    subjects.set(nameOf(target), subject);
    subject.prober = startProber({
      target,
      intervalMs: own.interval,
      timeoutMs: own.timeout,
      recheckMs: own.recheck,
      addressing: own.address,
      alarms,
      resolver: (resolver ??= createResolver()),
      now: monotonic,
      startMs: monotonic(),
      wallMs: now(),
      judge(outcome, trace, lagMs) {
        const soon = subject.judge(outcome, trace, lagMs);
        lags[lagCount % mostLags] = subject.lagMs;
        lagCount += 1;
        probed?.(target.program, subject.verdict, trace.totalMs);
        return soon;
      },
    });
  }

  function end(subject: Subject, heir?: Target) {
    missedBefore += subject.prober?.missed ?? 0;
    subject.prober?.stop();
    // A list that is read anew ends no trouble of ours: the next probe that tells something does.
    if (heir?.program !== subject.target.program) troubles.end(subject.target.program);
    subjects.delete(nameOf(subject.target));
  }

  return {
    subjects: () => subjects.values(),
    subjectOf: (program) => subjects.get(program.toLowerCase()),
    start(targets) {
      for (const target of targets) start(target, ledger.recall(keyOf(target)));
    },
    replace(targets) {
      const { isDeepStrictEqual } = process.getBuiltinModule("node:util");
      const names = new Set(targets.map(nameOf));
      const [added, removed, changed]: [string[], string[], string[]] = [[], [], []];
      for (const subject of subjects.values()) {
        if (names.has(nameOf(subject.target))) continue;
        end(subject);
        left(subject);
        removed.push(subject.target.program);
      }
      for (const target of targets) {
        const subject = subjects.get(nameOf(target));
        const same =
          subject &&
          isDeepStrictEqual([subject.target, subject.rules], [target, rulesOf(rules(), target.values)]);
        if (same) continue;
        const stays = subject?.key === keyOf(target);
        if (subject) end(subject, target);
        if (subject && !stays) left(subject);
        (subject ? changed : added).push(target.program);
        start(target, stays ? subject.memory : undefined);
      }
      return { added, removed, changed };
    },
    life() {
      const list = [...subjects.values()];
      const sorted = lags.slice(0, Math.min(lagCount, mostLags)).toSorted();
      const nextMs = Math.min(...list.map(({ prober }) => prober?.dueMs ?? Infinity));
      return {
        targets: list.length,
        down: list.filter(({ progress }) => progress.status === "down").length,
        probes: list.reduce((sum, { probes }) => sum + probes, 0),
        missed: missedBefore + list.reduce((sum, { prober }) => sum + (prober?.missed ?? 0), 0),
        lagP99Ms: sorted.length === 0 ? 0 : quantile(sorted, 0.99),
        nextDueMs: Number.isFinite(nextMs) ? now() + nextMs - monotonic() : undefined,
      };
    },
    overslept(ms) {
      for (const { prober } of subjects.values()) prober?.overslept(ms);
    },
    stop() {
      for (const { prober } of subjects.values()) prober?.stop();
    },
  };
}
