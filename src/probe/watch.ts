// The source of Cuir: probes every target in its turn, and yields what changed.
// Invariants: probing never waits for delivery; a transition is remembered, with its id, before it is sent.
import type { Batch, Envelope, Source } from "../envelope.ts";
import type { Draft, Events } from "../event.ts";
import type { Store } from "../store/store.ts";
import { createIsolation, witnessPrefix } from "./isolation.ts";
import { createLedger } from "./ledger.ts";
import { type Life, type Replaced, alive, configurationChanged, refusal, silenced } from "./notices.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import { type Item, createOutbox } from "./outbox.ts";
import { startProber } from "./prober.ts";
import { createResolver } from "./resolve.ts";
import { createAlarm, createAlarms, hashFraction } from "./schedule.ts";
import { type ProbeSettings, type Rules, rulesOf } from "./settings.ts";
import { type Silence, readSilences } from "./silence.ts";
import type { Verdict } from "./cause.ts";
import { type Subject, type Surroundings, createSubject } from "./subject.ts";
import { quantile } from "./tally.ts";
import { type Target, isNear, keyOf, placeOf } from "./target.ts";
import { createTroubles } from "./trouble.ts";
import { askWitness } from "./witness.ts";

/** What [Cuir] sets, as far as probing goes. */
export type WatchSettings = Rules & Pick<ProbeSettings, "isolation" | "witnesses" | "heartbeat">;

export interface WatchOptions {
  readonly targets: readonly Target[];
  /** The values of settings.ts, by their own names. */
  readonly settings: WatchSettings;
  /** Part of each transition's id. */
  readonly host: string;
  readonly events: Events;
  readonly store: Store;
  /** Ends probing; what waits is yielded once more, then the source ends. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly inContainer?: boolean;
  /** Names the configuration, in events about it. */
  readonly hash?: string;
  readonly observe?: (observation: Observation) => void;
  /** Each probe that ended, for histories and metrics: cheap, for it comes thousands of times a second. */
  readonly probed?: (program: string, verdict: Verdict, durationMs: number | undefined) => void;
}

/** What happens beside events, for the log. */
export interface Observation {
  readonly level: "info" | "warn";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface Watch extends Source {
  /** The targets as they stand now: for /api/targets, metrics and --status. */
  snapshot(): readonly Snapshot[];
  /** The prober itself. */
  life(): Life;
  /** Takes a new list: what did not change goes on undisturbed. `hash` names the configuration. */
  replace(next: { targets: readonly Target[]; settings: WatchSettings; hash?: string }): Replaced;
  /** Repeats for which delivery had no room: counted, and told as an event once it delivers again. */
  refused(programs: Iterable<string>): void;
  roomAgain(): void;
}

const mostEventsPerBatch = 500;
const mostRepeats = 1000;
/** A repeat waits so long for others; a change goes at once, and takes them along. */
const companyMs = 10;
/** How often silences are read and small news is written. */
const tickMs = 2000;
/** So many other hosts are asked when one falls silent. */
const mostPeers = 5;

export function watch(options: WatchOptions): Watch {
  const { host, events, store, signal, now = Date.now, inContainer = false, observe, probed } = options;
  let { settings, hash } = options;
  const monotonic = () => performance.now();
  const alarms = createAlarms(monotonic);
  let wake = () => {};
  const outbox = createOutbox({ now: monotonic, mostRepeats, wake: () => wake() });
  const ledger = createLedger(store, (error) => storeFailed(error));
  const subjects = new Map<string, Subject>();
  let wanted = options.targets;
  let silences: ReadonlyMap<string, Silence> = new Map();
  let isRunning = false;
  let missedBefore = 0;
  let complaint: string | undefined;
  const lags = new Float64Array(1024);
  let lagCount = 0;
  const resolver = { current: undefined as ReturnType<typeof createResolver> | undefined };

  function storeFailed(error: unknown) {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== complaint)
      observe?.({
        level: "warn",
        fields: {},
        message: `what is remembered cannot be written: ${message}; after a restart changes may be told again`,
      });
    complaint = message;
  }

  const sayOwn = (draft: Draft) => outbox.put({ key: `cuir ${draft.source}`, program: draft.program, draft });
  const troubles = createTroubles({
    now,
    say(draft) {
      sayOwn(draft);
      observe?.({ level: "warn", fields: {}, message: String(draft.details?.["summary"]) });
    },
  });
  const isolation = createIsolation({
    now: monotonic,
    witnesses: () => settings.witnesses.length,
    lookAround,
    changed: () => {},
  });

  const around: Surroundings = {
    host,
    inContainer,
    now,
    say: (item) => outbox.put(item),
    keep: (key, memory, isFirst) => ledger.keep(key, memory, isFirst),
    silenceOf: (program) => silences.get(program.toLowerCase()),
    subjectOf: (program) => subjects.get(program.toLowerCase()),
    isolation: () => (settings.isolation ? isolation : undefined),
    troubles,
    transition: ({ target, progress }, message) =>
      observe?.({ level: "info", fields: { program: target.program, status: progress.status }, message }),
  };

  function lookAround(except: string, isSilent: (host: string) => boolean): number {
    for (const witness of settings.witnesses) {
      const name = `${witnessPrefix}${witness.address}`;
      const sinceMs = monotonic();
      askWitness(witness, settings.timeout, (answered) => {
        if (answered) isolation.proof(name);
        else isolation.silence(name, { sinceMs, startedMs: sinceMs, wasUp: true });
      });
    }
    const hosts = new Map<string, Subject>();
    for (const subject of subjects.values()) {
      const { target, progress } = subject;
      const place = placeOf(target);
      if (place !== except && progress.status !== "down" && !isNear(target)) hosts.set(place, subject);
    }
    const asked = [...hosts]
      .filter(([name]) => !isSilent(name))
      .toSorted(([a], [b]) => hashFraction(`${a} ${except}`) - hashFraction(`${b} ${except}`));
    for (const [, { prober }] of asked.slice(0, mostPeers)) prober?.hurry();
    return hosts.size;
  }

  function startSubject(target: Target, memory = ledger.recall(keyOf(target))) {
    const rules = rulesOf(settings, target.values);
    const subject = createSubject(target, rules, around, memory);
    subjects.set(target.program.toLowerCase(), subject);
    subject.prober = startProber({
      target,
      intervalMs: rules.interval,
      timeoutMs: rules.timeout,
      recheckMs: rules.recheck,
      addressing: rules.address,
      alarms,
      resolver: (resolver.current ??= createResolver()),
      now: monotonic,
      startMs: monotonic(),
      wallMs: now(),
      judge(outcome, trace, lagMs) {
        lags[lagCount % lags.length] = lagMs;
        lagCount += 1;
        const soon = subject.judge(outcome, trace, lagMs);
        probed?.(target.program, subject.verdict, trace.totalMs);
        return soon;
      },
    });
  }

  function stopSubject(subject: Subject) {
    missedBefore += subject.prober?.missed ?? 0;
    subject.prober?.stop();
    troubles.end(subject.target.program);
    subjects.delete(subject.target.program.toLowerCase());
  }

  function life(): Life {
    const list = [...subjects.values()];
    const sorted = lags.slice(0, Math.min(lagCount, lags.length)).toSorted();
    const nextMs = Math.min(...list.map(({ prober }) => prober?.dueMs ?? Infinity));
    return {
      targets: list.length,
      down: list.filter(({ progress }) => progress.status === "down").length,
      unknown: troubles.count,
      silenced: silences.size,
      probes: list.reduce((sum, { probes }) => sum + probes, 0),
      missed: missedBefore + list.reduce((sum, { prober }) => sum + (prober?.missed ?? 0), 0),
      lagP99Ms: sorted.length === 0 ? 0 : quantile(sorted, 0.99),
      nextDueMs: Number.isFinite(nextMs) ? now() + nextMs - monotonic() : undefined,
      waiting: outbox.size,
    };
  }

  const tick = createAlarm((nowMs) => {
    alarms.set(tick, nowMs + tickMs);
    void ledger.flush();
    void lookForSilences();
  });
  const beat = createAlarm((nowMs) => {
    if (settings.heartbeat === undefined) return;
    alarms.set(beat, nowMs + settings.heartbeat);
    sayOwn(alive(life(), { host, hash, atMs: now(), everyMs: settings.heartbeat }));
  });

  async function lookForSilences() {
    try {
      const next = await readSilences(store, now());
      for (const [program, silence] of next) {
        if (silences.get(program)?.sinceMs !== silence.sinceMs) saySilence(silence, true);
      }
      for (const [program, silence] of silences) if (!next.has(program)) saySilence(silence, false);
      silences = next;
    } catch (error) {
      storeFailed(error);
    }
  }

  function saySilence(silence: Silence, begins: boolean) {
    // One that began before we did was told then.
    if (!isRunning && begins) return;
    const { program } = silence;
    const draft = silenced(silence, {
      begins,
      atMs: now(),
      target: subjects.get(program.toLowerCase())?.target,
    });
    outbox.put({ key: `silence ${program}`, program, draft });
  }

  async function until(holds: () => boolean) {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }

  async function company() {
    let over = false;
    const alarm = createAlarm(() => {
      over = true;
      wake();
    });
    alarms.set(alarm, monotonic() + companyMs);
    await until(() => over || !outbox.patient || signal.aborted);
    alarms.clear(alarm);
  }

  function stop() {
    alarms.close();
    for (const { prober } of subjects.values()) prober?.stop();
    wake();
  }

  async function begin() {
    for (const item of await ledger.open()) outbox.put(item);
    await lookForSilences();
    isRunning = true;
    if (signal.aborted) return;
    signal.addEventListener("abort", stop, { once: true });
    for (const target of wanted) startSubject(target);
    alarms.set(tick, monotonic() + tickMs);
    if (settings.heartbeat !== undefined) alarms.set(beat, monotonic() + settings.heartbeat);
  }

  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    await begin();
    try {
      while (!signal.aborted || outbox.size > 0) {
        await until(() => outbox.size > 0 || signal.aborted);
        await company();
        const { items, refused } = outbox.take(mostEventsPerBatch);
        await ledger.sending(items);
        const made: Envelope[] = items.map((item) => events.create(complete(item)));
        if (refused.size > 0) made.push(events.create(refusal(refused, now())));
        if (made.length > 0) yield { events: made, accepted: () => ledger.accepted(items) };
      }
      await ledger.flush();
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  return {
    [Symbol.asyncIterator]: batches,
    life,
    snapshot: () =>
      [...subjects.values()].map((one) => snapshotOf(one, silences.get(one.target.program.toLowerCase()))),
    refused(programs) {
      for (const program of programs) outbox.refuse(program);
    },
    roomAgain: () => outbox.roomAgain(),
    replace(next) {
      const { isDeepStrictEqual } = process.getBuiltinModule("node:util");
      const names = new Set(next.targets.map(({ program }) => program.toLowerCase()));
      const added: string[] = [];
      const removed: string[] = [];
      const changed: string[] = [];
      const before = settings;
      settings = next.settings;
      hash = next.hash;
      wanted = next.targets;
      if (!isRunning) return { added, removed, changed };
      for (const subject of subjects.values()) {
        if (names.has(subject.target.program.toLowerCase())) continue;
        stopSubject(subject);
        ledger.forget(subject.key);
        removed.push(subject.target.program);
      }
      for (const target of next.targets) {
        const subject = subjects.get(target.program.toLowerCase());
        const same =
          subject &&
          isDeepStrictEqual([subject.target, subject.rules], [target, rulesOf(settings, target.values)]);
        if (same) continue;
        if (subject) stopSubject(subject);
        (subject ? changed : added).push(target.program);
        startSubject(target, subject?.key === keyOf(target) ? subject.memory : undefined);
      }
      if (settings.heartbeat !== before.heartbeat && settings.heartbeat !== undefined)
        alarms.set(beat, monotonic() + settings.heartbeat);
      if (added.length + removed.length + changed.length > 0 || !isDeepStrictEqual(before, settings))
        sayOwn(configurationChanged({ added, removed, changed }, { hash, atMs: now() }));
      return { added, removed, changed };
    },
  };
}

function complete({ draft: made, replaced }: Item): Draft {
  return replaced === undefined ? made : { ...made, details: { ...made.details, replaced } };
}
