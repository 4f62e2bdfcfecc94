// The source of Cuir: probes every target in its turn, and yields what changed.
// Invariants: probing never waits for delivery; a transition is remembered, with its id, before it is sent.
import type { Batch, Source } from "../envelope.ts";
import { type Draft, type Events, stableId } from "../event.ts";
import type { Json, Store } from "../store/store.ts";
import { type Memory, memorySpace, readMemory, toJson } from "./memory.ts";
import { type Outcome, type Trace, type Verdict } from "./outcome.ts";
import { type Item, createOutbox } from "./outbox.ts";
import { type Prober, startProber } from "./prober.ts";
import { type Facts, type Occasion, draft } from "./report.ts";
import { createResolver } from "./resolve.ts";
import { createAlarms } from "./schedule.ts";
import type { Rules } from "./settings.ts";
import type { Target } from "./target.ts";
import { type Progress, type Status, advance, settled, unjudged, wavers } from "./transition.ts";

export interface WatchOptions {
  readonly targets: readonly Target[];
  /** The values of settings.ts, by their own names. */
  readonly settings: Rules;
  /** Part of each transition's id. */
  readonly host: string;
  readonly events: Events;
  readonly store: Store;
  /** Ends probing; what waits is yielded once more, then the source ends. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly inContainer?: boolean;
  readonly observe?: (observation: Observation) => void;
  /** Each probe that ended, for histories and metrics: cheap, for it comes thousands of times a second. */
  readonly probed?: (program: string, verdict: Verdict, durationMs: number | undefined) => void;
}

/** What happens beside events, for logs and metrics. */
export type Observation =
  | {
      readonly type: "transition";
      readonly program: string;
      readonly status: Status;
      readonly summary: string;
    }
  | { readonly type: "store_failed"; readonly error: unknown };

export interface Snapshot {
  readonly target: Target;
  readonly status: Status;
  /** Whether the last probe told anything. */
  readonly known: boolean;
  readonly sinceMs?: number;
  readonly cause?: string;
  readonly probes: number;
  readonly failures: number;
  readonly missed: number;
  readonly lagMs: number;
  readonly lastMs?: number;
}

export interface Watch extends Source {
  /** The targets as they stand now: for /api/targets, metrics and --status. */
  snapshot(): readonly Snapshot[];
}

const mostEventsPerBatch = 500;
const mostRepeats = 1000;

interface Watched {
  readonly target: Target;
  readonly key: string;
  prober?: Prober;
  progress: Progress;
  memory?: Memory;
  probes: number;
  failures: number;
  /** Failures in a row. */
  streak: number;
  lastMs?: number;
  cause?: string;
}

export function watch(options: WatchOptions): Watch {
  const { settings: rules, host, events, store, signal, now = Date.now, observe, probed } = options;
  const monotonic = () => performance.now();
  const alarms = createAlarms(monotonic);
  let wake = () => {};
  const outbox = createOutbox({ now: monotonic, mostRepeats, wake: () => wake() });
  const watched: Watched[] = options.targets.map((target) => ({
    target,
    key: `${target.program} ${target.source}`,
    progress: unjudged,
    probes: 0,
    failures: 0,
    streak: 0,
  }));

  function judge(one: Watched, outcome: Outcome, trace: Readonly<Trace>): boolean {
    const before = one.progress;
    one.progress = advance(before, outcome.verdict, rules);
    one.probes += 1;
    probed?.(one.target.program, outcome.verdict, trace.totalMs);
    if (trace.totalMs !== undefined) one.lastMs = trace.totalMs;
    if (outcome.verdict === "up") {
      one.streak = 0;
      delete one.cause;
      if (one.progress === before && rules.emit !== "all") return false;
    } else if (outcome.cause !== undefined) one.cause = outcome.cause;
    if (outcome.verdict === "down") {
      one.failures += 1;
      one.streak += 1;
    }
    const { status } = one.progress;
    if (status !== before.status && status !== "new") change(one, before.status, status, outcome, trace);
    else remindOrRepeat(one, outcome, trace);
    return wavers(one.progress);
  }

  function factsOf(one: Watched, outcome: Outcome, trace: Readonly<Trace>, atMs: number): Facts {
    const { status, blind } = one.progress;
    return {
      target: one.target,
      outcome,
      trace,
      atMs,
      status: blind > 0 ? "unknown" : status,
      ...(one.memory === undefined ? undefined : { sinceMs: one.memory.sinceMs, number: one.memory.number }),
      ...(one.memory?.episode === undefined ? undefined : { episode: one.memory.episode }),
      ...(one.streak > 0 ? { failures: one.streak } : undefined),
      ...(options.inContainer ? { inContainer: true } : undefined),
    };
  }

  function change(
    one: Watched,
    previous: Status,
    status: Exclude<Status, "new">,
    outcome: Outcome,
    trace: Readonly<Trace>,
  ) {
    const atMs = now();
    // A number that follows the clock is never given twice, even by a store that was lost.
    const number = Math.max((one.memory?.number ?? 0) + 1, Math.floor(atMs));
    const silent = previous === "new" && status === "up";
    const episode =
      status === "up" || one.memory?.episode !== undefined
        ? one.memory?.episode
        : stableId(host, one.key, "episode", number);
    const notify = !silent && rules.notify !== "none" && (status !== "up" || rules.notify !== "down");
    const memory: Memory = {
      program: one.target.program,
      source: one.target.source,
      status,
      sinceMs: atMs,
      number,
      ...(episode === undefined || status === "up" ? undefined : { episode }),
      ...(notify ? { toldMs: atMs } : undefined),
    };
    const before = one.memory;
    one.memory = memory;
    if (silent) {
      if (rules.emit === "all") put(one, "probe", false, factsOf(one, outcome, trace, atMs), memory);
      return;
    }
    const facts = {
      ...factsOf(one, outcome, trace, atMs),
      previous,
      ...(before === undefined ? undefined : { sinceMs: before.sinceMs }),
      ...(episode === undefined ? undefined : { episode }),
    };
    const made = draft(facts, "change", notify, stableId(host, one.key, number));
    outbox.put({ key: one.key, program: one.target.program, draft: made, memory });
    observe?.({
      type: "transition",
      program: one.target.program,
      status,
      summary: String(made.details?.["summary"]),
    });
  }

  function remindOrRepeat(one: Watched, outcome: Outcome, trace: Readonly<Trace>) {
    const atMs = now();
    const { memory } = one;
    const down = one.progress.status === "down" && outcome.verdict === "down";
    const remindMs = rules.remind;
    if (
      down &&
      memory !== undefined &&
      remindMs !== undefined &&
      rules.notify !== "none" &&
      atMs - (memory.toldMs ?? memory.sinceMs) >= remindMs
    ) {
      one.memory = { ...memory, toldMs: atMs };
      put(one, "reminder", true, factsOf(one, outcome, trace, atMs), one.memory);
    } else if (rules.emit === "all" || (rules.emit === "failures" && outcome.verdict !== "up")) {
      const notify = rules.notify === "failures" && outcome.verdict === "down";
      put(one, "probe", notify, factsOf(one, outcome, trace, atMs));
    }
  }

  function put(one: Watched, occasion: Occasion, notify: boolean, facts: Facts, memory?: Memory) {
    outbox.put({
      key: one.key,
      program: one.target.program,
      draft: draft(facts, occasion, notify),
      ...(memory === undefined ? undefined : { memory }),
    });
  }

  function start(memories: ReadonlyMap<string, Json>) {
    const resolver = createResolver();
    const startMs = monotonic();
    for (const one of watched) {
      const memory = readMemory(memories.get(one.key));
      if (memory !== undefined) {
        const { pending, ...rest } = memory;
        one.memory = rest;
        one.progress = settled(memory.status);
        // Whether it arrived is not known: it goes once more, under the same id.
        for (const made of pending ?? [])
          outbox.put({ key: one.key, program: one.target.program, draft: made, memory: rest });
      }
      one.prober = startProber({
        target: one.target,
        intervalMs: rules.interval,
        timeoutMs: rules.timeout,
        recheckMs: rules.recheck,
        alarms,
        resolver,
        now: monotonic,
        startMs,
        judge: (outcome, trace) => judge(one, outcome, trace),
      });
    }
  }

  async function remember(memories: ReadonlyMap<string, Memory>) {
    if (memories.size === 0) return;
    try {
      await store.write(memorySpace, new Map([...memories].map(([key, memory]) => [key, toJson(memory)])));
    } catch (error) {
      observe?.({ type: "store_failed", error });
    }
  }

  async function until(holds: () => boolean) {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }

  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    let memories: ReadonlyMap<string, Json> = new Map();
    try {
      memories = await store.entries(memorySpace);
    } catch (error) {
      observe?.({ type: "store_failed", error });
    }
    if (signal.aborted) return;
    const stop = () => {
      alarms.close();
      for (const { prober } of watched) prober?.stop();
      wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    start(memories);
    try {
      while (!signal.aborted || outbox.size > 0) {
        await until(() => outbox.size > 0 || signal.aborted);
        const { items, refused } = outbox.take(mostEventsPerBatch);
        const { sent, afterwards } = memoriesOf(items);
        await remember(sent);
        const envelopes = items.map((item) => events.create(complete(item)));
        if (refused.size > 0) envelopes.push(events.create(refusal(refused, now())));
        if (envelopes.length === 0) continue;
        let accepted = false;
        yield {
          events: envelopes,
          async accepted() {
            await remember(afterwards);
            accepted = true;
            wake();
          },
        };
        await until(() => accepted || signal.aborted);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  return {
    [Symbol.asyncIterator]: batches,
    snapshot: () =>
      watched.map((one) => ({
        target: one.target,
        status: one.progress.status,
        known: one.progress.blind === 0,
        ...(one.memory === undefined ? undefined : { sinceMs: one.memory.sinceMs }),
        ...(one.cause === undefined ? undefined : { cause: one.cause }),
        probes: one.probes,
        failures: one.failures,
        missed: one.prober?.missed ?? 0,
        lagMs: one.prober?.lagMs ?? 0,
        ...(one.lastMs === undefined ? undefined : { lastMs: one.lastMs }),
      })),
  };
}

/** What is remembered while a batch is on its way, and once it is accepted. */
function memoriesOf(items: readonly Item[]) {
  const sent = new Map<string, Memory>();
  const afterwards = new Map<string, Memory>();
  for (const item of items) {
    if (item.memory === undefined) continue;
    const pending = [...(sent.get(item.key)?.pending ?? [])];
    if (item.draft.class === "change") pending.push(item.draft);
    sent.set(item.key, pending.length > 0 ? { ...item.memory, pending } : item.memory);
    afterwards.set(item.key, item.memory);
  }
  return { sent, afterwards };
}

function complete({ draft: made, replaced }: Item): Draft {
  return replaced === undefined ? made : { ...made, details: { ...made.details, replaced } };
}

/** What did not fit while delivery stood still. */
function refusal(refused: ReadonlyMap<string, number>, atMs: number): Draft {
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
