// A Cuir's monitor on made-up targets with a past: for what a real Cuir would need a day to show.
import { createLedger } from "../../src/monitor/ledger.ts";
import { type Monitor, type MonitorOptions, openMonitor } from "../../src/monitor/monitor.ts";
import type { TargetView } from "../../src/monitor/target-view.ts";

export type Writable<T> = { -readonly [K in keyof T]: T[K] };

export function madeUpTarget(
  program: string,
  more: Partial<TargetView> & { informations?: string; source?: string } = {},
): Writable<TargetView> {
  const { informations = `${program} for everybody`, source = "10.1.2.3:22", ...rest } = more;
  return {
    target: { program, kind: "tcp", source, informations },
    status: "up",
    known: true,
    sinceMs: Date.now() - 3 * 86_400_000,
    probes: 17_280,
    failures: 0,
    missed: 0,
    lagMs: 0.2,
    lastMs: 0.8,
    intervalMs: 5000,
    timeoutMs: 3000,
    ...rest,
  };
}

const idleSpool = {
  durable: true,
  status: async () => ({ count: 0, bytes: 0, mostBytes: 1 << 26, rejected: 0 }),
};

export interface Watched extends AsyncDisposable {
  readonly url: string;
  /** Where it was opened. */
  readonly port: number;
  readonly monitor: Monitor;
  readonly views: Writable<TargetView>[];
  readonly ledger: ReturnType<typeof createLedger>;
}

/** On a port that is free; `host` is 127.0.0.1. */
export async function openWatched(
  views: Writable<TargetView>[],
  more: Partial<MonitorOptions> = {},
): Promise<Watched> {
  const ledger = createLedger();
  const monitor = await openMonitor({
    tool: "cuir",
    host: "web-1",
    version: "1.0.0",
    address: { host: "127.0.0.1", port: 0 },
    report: () => {},
    ...more,
    sources: { ledger, spool: idleSpool, targets: () => views, ...more.sources },
  });
  return {
    url: `http://127.0.0.1:${monitor.port}/`,
    port: monitor.port!,
    monitor,
    views,
    ledger,
    [Symbol.asyncDispose]: () => monitor[Symbol.asyncDispose](),
  };
}
