// The source of Cuir: probes every target in its turn, and yields what changed.
// Invariant: probing never waits for delivery.
import type { Batch, Source } from "../envelope.ts";
import type { Draft, Events } from "../event.ts";
import type { Store } from "../store/store.ts";
import type { Verdict } from "./cause.ts";
import { createDispatch } from "./dispatch.ts";
import { type Fleet, createFleet } from "./fleet.ts";
import { createHush } from "./hush.ts";
import { createLedger } from "./ledger.ts";
import { createLookout } from "./lookout.ts";
import { type Life, type Replaced, alive, configurationChanged } from "./notices.ts";
import { type Left, takeOrders } from "./orders.ts";
import { type Item, createOutbox } from "./outbox.ts";
import { createPulse } from "./pulse.ts";
import { removalOf } from "./removal.ts";
import { createAlarms } from "./schedule.ts";
import type { ProbeSettings, Rules } from "./settings.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import type { Subject, Surroundings } from "./subject.ts";
import { type Target, keyOf } from "./target.ts";
import { createTroubles } from "./trouble.ts";

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
  /** Names the list that is watched, whatever it says now: its file, and which part of it. */
  readonly list?: string;
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
  /** Takes a new list: what did not change goes on undisturbed. `hash` and `list` as in the options. */
  replace(next: Pick<WatchOptions, "targets" | "settings" | "hash" | "list">): Replaced;
  /** Repeats for which delivery had no room: counted, and told as an event once it delivers again. */
  refused(programs: Iterable<string>): void;
  roomAgain(): void;
}

const mostRepeats = 1000;

export function watch(options: WatchOptions): Watch {
  const { host, events, store, signal, now = Date.now, inContainer = false, observe, probed } = options;
  let { settings, hash, list = "" } = options;
  const monotonic = () => performance.now();
  const alarms = createAlarms(monotonic);
  const outbox = createOutbox({ now: monotonic, mostRepeats, wake: () => dispatch.wake() });
  const ledger = createLedger(store, (error) => storeFailed(error));
  const dispatch = createDispatch({ outbox, ledger, events, alarms, monotonic, now, signal });
  let wanted = options.targets;
  let isRunning = false;
  let complaint: string | undefined;

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
    monotonic,
    alarms,
    say(draft) {
      sayOwn(draft);
      observe?.({ level: "warn", fields: {}, message: String(draft.details?.["summary"]) });
    },
  });
  const isolation = createLookout({
    now: monotonic,
    settings: () => settings,
    subjects: () => fleet.subjects(),
  });
  const hush = createHush({
    store,
    now,
    targetOf: (program) => fleet.subjectOf(program)?.target,
    say: (program, draft) => outbox.put({ key: `silence ${program}`, program, draft }),
    failed: storeFailed,
  });
  const around: Surroundings = {
    host,
    inContainer,
    now,
    monotonic,
    say: (item) => outbox.put(item),
    keep: (key, memory, isFirst) => ledger.keep(key, memory, isFirst),
    silenceOf: (program) => hush.of(program),
    subjectOf: (program) => fleet.subjectOf(program),
    isolation: () => (settings.isolation ? isolation : undefined),
    troubles,
    transition: ({ target, progress }, message) =>
      observe?.({ level: "info", fields: { program: target.program, status: progress.status }, message }),
  };

  const fleet: Fleet = createFleet({
    around,
    rules: () => settings,
    ledger,
    left: (subject) => void leave([subject.target], subject),
    alarms,
    monotonic,
    probed,
  });

  /** Forgets them, and ends the episodes that are open: on disk at once, for delivery may stand still. */
  async function leave(left: readonly Left[], subject?: Subject) {
    const items: Item[] = [];
    for (const { program, source } of left) {
      const key = keyOf({ program, source });
      const memory = subject ? subject.memory : ledger.recall(key);
      if (memory === undefined) continue;
      ledger.forget(key, memory);
      const item = removalOf({
        memory,
        target: subject?.target,
        notify: (subject?.rules ?? settings).notify,
        silence: hush.of(program),
        host,
        atMs: now(),
      });
      if (item !== undefined) items.push(item);
    }
    for (const item of items) outbox.put(item);
    await ledger.sending(items);
  }

  const life = (): Life => ({
    ...fleet.life(),
    unknown: troubles.count,
    silenced: hush.count,
    waiting: outbox.size,
  });

  const pulse = createPulse({
    alarms,
    monotonic,
    tick() {
      void ledger.flush();
      void hush.look();
    },
    beat: (everyMs) => sayOwn(alive(life(), { host, hash, atMs: now(), everyMs })),
    slept(ms) {
      fleet.overslept(ms);
      const message = `the machine slept for ${Math.round(ms / 1000)} s; the rounds of that time are counted as missed`;
      observe?.({ level: "warn", fields: { slept_ms: Math.round(ms) }, message });
    },
  });

  function stop() {
    alarms.close();
    fleet.stop();
    dispatch.wake();
  }

  /** Remembers what it is told to do; a change that came with a restart is news. */
  async function obey(isNews: boolean) {
    if (hash === undefined) return;
    try {
      // What a reload left was told then.
      const changed = await takeOrders({
        store,
        hash,
        list: `${host} ${list}`,
        targets: wanted,
        leave: isNews ? leave : async () => {},
      });
      if (changed && isNews) sayOwn(configurationChanged(changed, { hash, atMs: now() }));
    } catch (error) {
      storeFailed(error);
    }
  }

  async function begin() {
    for (const item of await ledger.open()) outbox.put(item);
    await hush.look();
    await obey(true);
    isRunning = true;
    if (signal.aborted) return;
    signal.addEventListener("abort", stop, { once: true });
    fleet.start(wanted);
    pulse.start(settings.heartbeat);
  }

  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    await begin();
    try {
      yield* dispatch.batches();
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  return {
    [Symbol.asyncIterator]: batches,
    life,
    snapshot: () => Array.from(fleet.subjects(), (one) => snapshotOf(one, hush.of(one.target.program))),
    refused(programs) {
      for (const program of programs) outbox.refuse(program);
    },
    roomAgain: () => outbox.roomAgain(),
    replace(next) {
      const { isDeepStrictEqual } = process.getBuiltinModule("node:util");
      const before = settings;
      ({ settings, hash, list, targets: wanted } = { hash: undefined, list: "", ...next });
      if (!isRunning) return { added: [], removed: [], changed: [] };
      const replaced = fleet.replace(wanted);
      void obey(false);
      if (settings.heartbeat !== before.heartbeat) pulse.start(settings.heartbeat);
      const isOther = Object.values(replaced).some((programs) => programs.length > 0);
      if (isOther || !isDeepStrictEqual(before, settings))
        sayOwn(configurationChanged(replaced, { hash, atMs: now() }));
      return replaced;
    },
  };
}
