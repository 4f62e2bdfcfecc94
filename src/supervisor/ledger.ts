// Joins supervisord's log to its events: which death, by which signal or code, belongs to which process and pid. Pure.
//
// An exit line names the process but no pid: the `spawned` line before it does. A name that lives twice (in two
// groups) cannot be told apart, and nothing is said of it rather than something wrong. Who was spawned before we read
// the log is known by that: a pid that no line named.
import type { Death, LogLine } from "./mainlog.ts";

export interface Fact extends Death {
  /** supervisord had to kill it, for it outlived `stopwaitsecs`. */
  readonly killed?: true;
  /** From spawn to end, by the log's own clock. */
  readonly ranMs?: number;
}

/** How supervisord says which death it means. */
export interface Deceased {
  readonly process: string;
  /** EXITED and STOPPED name it. */
  readonly pid?: number;
  /** BACKOFF: which failed start in a row. */
  readonly tries?: number;
}

export interface Ledger {
  take(line: LogLine): void;
  find(deceased: Deceased): Fact | undefined;
  /** Serials that supervisord's log says it threw away, since they were asked for. */
  discarded(pool: string): readonly number[];
}

interface Alive {
  readonly pid: number;
  readonly logMs: number;
  succeeded: boolean;
  killed: boolean;
}

const byPid = (process: string, pid: number) => `${process} pid ${pid}`;
const byTry = (process: string, tries: number) => `${process} try ${tries}`;

const mostFacts = 2000;
const mostDiscarded = 10_000;

export function createLedger(): Ledger {
  const alive = new Map<string, Alive[]>();
  const facts = new Map<string, Fact>();
  /** Failed starts in a row. */
  const failures = new Map<string, number>();
  const discarded = new Map<string, number[]>();
  /** Ends without a `spawned` line before them. */
  const strays = new Map<string, Fact>();
  /** Pids that a line named, by process; bounded like the facts. */
  const named = new Map<string, true>();

  function remember<T>(map: Map<string, T>, key: string, value: T) {
    map.delete(key);
    map.set(key, value);
    if (map.size > mostFacts) map.delete(map.keys().next().value!);
  }

  function bury(process: string, logMs: number, death: Death, failing: boolean) {
    const candidates = alive.get(process) ?? [];
    const [body, other] = candidates;
    if (other) return;
    alive.delete(process);
    const fact: Fact = {
      ...death,
      ...(body?.killed && { killed: true as const }),
      ...(body && { ranMs: Math.max(0, logMs - body.logMs) }),
    };
    if (body) remember(facts, byPid(process, body.pid), fact);
    else remember(strays, process, fact);
    if (failing && !body?.succeeded) {
      const count = (failures.get(process) ?? 0) + 1;
      failures.set(process, count);
      remember(facts, byTry(process, count), fact);
    } else failures.delete(process);
  }

  return {
    take(line) {
      if (line.kind === "spawned") {
        remember(named, byPid(line.process, line.pid), true);
        const mine = (alive.get(line.process) ?? []).filter(({ pid }) => pid !== line.pid);
        alive.set(line.process, [
          ...mine.slice(-3),
          { pid: line.pid, logMs: line.logMs, succeeded: false, killed: false },
        ]);
      } else if (line.kind === "success") {
        failures.delete(line.process);
        for (const body of alive.get(line.process) ?? []) body.succeeded = true;
      } else if (line.kind === "killing") {
        for (const body of alive.get(line.process) ?? []) body.killed ||= body.pid === line.pid;
      } else if (line.kind === "exited")
        bury(line.process, line.logMs, line.death, line.death.expected === false);
      else if (line.kind === "stopped") bury(line.process, line.logMs, line.death, false);
      else if (line.kind === "gave up") failures.delete(line.process);
      else if (line.kind === "overflow") {
        const list = discarded.get(line.pool) ?? [];
        if (list.length < mostDiscarded) discarded.set(line.pool, [...list, line.serial]);
      }
    },
    find({ process, pid, tries }) {
      if (pid === undefined) return tries === undefined ? undefined : facts.get(byTry(process, tries));
      const key = byPid(process, pid);
      const stray = named.has(key) ? undefined : strays.get(process);
      if (stray) {
        strays.delete(process);
        remember(named, key, true);
        remember(facts, key, stray);
      }
      return facts.get(key);
    },
    discarded(pool) {
      const list = discarded.get(pool) ?? [];
      discarded.delete(pool);
      return list;
    },
  };
}
