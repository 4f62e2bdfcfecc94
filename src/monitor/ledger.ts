// What is counted while a daemon works: others tell it, metrics and health read it. Counting costs nothing worth naming.
import { type History, type Verdict, createHistory } from "./history.ts";

/** Structurally what ship.ts tells its observers. */
export interface DeliveryObserver {
  accepted(count: number, receipt: { readonly at: "broker" | "spool"; readonly listLength?: number }): void;
  delivered(count: number, sent: { readonly listLength?: number }): void;
  refused(repeats: readonly unknown[]): void;
  rejected(): void;
  brokerFound(): void;
  brokerAway(error: { readonly code: string }): void;
  brokerBack(): void;
  spoolTrouble(error: { readonly code: string }): void;
  spoolWell(): void;
}

/** Structurally what Fouet's listener tells. */
export interface ListenerObserver {
  notification(kind: "new" | "repeat"): void;
  lost(count: number): void;
  conversations(change: 1 | -1): void;
}

/** What Fouet heard, counted since its start. */
export interface ListenerTally {
  notifications: number;
  repeats: number;
  lost: number;
  /** Conversations with supervisord that stand now. */
  connections: number;
}

export interface DeliveryTally {
  acceptedAtBroker: number;
  acceptedAtSpool: number;
  delivered: number;
  refused: number;
  rejected: number;
  outages: number;
  /** Whether the broker has ever answered. */
  brokerFound: boolean;
  /** The code of the error, while the broker is away. */
  brokerAway?: string;
  /** The code of the error, while the spool takes nothing. */
  spoolTrouble?: string;
  listLength?: number;
  acceptedAtMs?: number;
  deliveredAtMs?: number;
}

/** Upper bounds of the histogram of probe durations, in seconds. */
export const durationBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

export interface Ledger {
  readonly delivery: Readonly<DeliveryTally>;
  readonly observe: DeliveryObserver;
  readonly listener: Readonly<ListenerTally>;
  readonly observeListener: ListenerObserver;
  readonly history: History;
  /** Probes by duration, not cumulative; the last one is beyond all bounds. */
  readonly durations: { readonly counts: readonly number[]; readonly sumSeconds: number };
  /** Monotonic milliseconds of the last probe that ended, or of a new list: its probes have their own time. */
  readonly lastProbeMs: number | undefined;
  readonly listed: () => void;
  readonly probed: (program: string, verdict: Verdict, durationMs: number | undefined) => void;
}

export function createLedger({ now = Date.now }: { now?: () => number } = {}): Ledger {
  const tally: DeliveryTally = {
    acceptedAtBroker: 0,
    acceptedAtSpool: 0,
    delivered: 0,
    refused: 0,
    rejected: 0,
    outages: 0,
    brokerFound: false,
  };
  const listener: ListenerTally = { notifications: 0, repeats: 0, lost: 0, connections: 0 };
  const history = createHistory();
  const counts = Array.from({ length: durationBounds.length + 1 }, () => 0);
  let sumSeconds = 0;
  let lastProbeMs: number | undefined;
  return {
    delivery: tally,
    listener,
    observeListener: {
      notification(kind) {
        listener.notifications += 1;
        if (kind === "repeat") listener.repeats += 1;
      },
      lost(count) {
        listener.lost += count;
      },
      conversations(change) {
        listener.connections += change;
      },
    },
    history,
    get durations() {
      return { counts, sumSeconds };
    },
    get lastProbeMs() {
      return lastProbeMs;
    },
    listed() {
      lastProbeMs = performance.now();
    },
    probed(program, verdict, durationMs) {
      lastProbeMs = performance.now();
      history.record(program, verdict, durationMs, now());
      if (durationMs === undefined) return;
      const seconds = durationMs / 1000;
      let place = 0;
      while (place < durationBounds.length && seconds > durationBounds[place]!) place += 1;
      counts[place]! += 1;
      sumSeconds += seconds;
    },
    observe: {
      accepted(count, { at, listLength }) {
        if (at === "broker") tally.acceptedAtBroker += count;
        else tally.acceptedAtSpool += count;
        tally.acceptedAtMs = now();
        if (listLength !== undefined) tally.listLength = listLength;
      },
      delivered(count, { listLength }) {
        tally.delivered += count;
        tally.deliveredAtMs = now();
        if (listLength !== undefined) tally.listLength = listLength;
      },
      refused(repeats) {
        tally.refused += repeats.length;
      },
      rejected() {
        tally.rejected += 1;
      },
      brokerFound() {
        tally.brokerFound = true;
      },
      brokerAway({ code }) {
        if (tally.brokerAway === undefined) tally.outages += 1;
        tally.brokerAway = code;
      },
      brokerBack() {
        delete tally.brokerAway;
      },
      spoolTrouble({ code }) {
        tally.spoolTrouble = code;
      },
      spoolWell() {
        delete tally.spoolTrouble;
      },
    },
  };
}
