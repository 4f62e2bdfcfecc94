// What the monitor asks of others when somebody looks: plain questions, so that it knows no other room.
import type { Ledger } from "./ledger.ts";
import type { TargetView } from "./target-view.ts";

/** Structurally what a spool's status() gives. */
export interface SpoolView {
  readonly count: number;
  readonly bytes: number;
  readonly mostBytes: number;
  readonly oldestAtMs?: number;
  readonly rejected: number;
}

export interface Sources {
  readonly ledger: Ledger;
  readonly spool: { readonly durable: boolean; status(): Promise<SpoolView> };
  /** Cuir's targets as they stand now. */
  readonly targets?: () => readonly TargetView[];
  /** Rounds that Cuir has skipped since its start, those of targets that are watched no more among them. */
  readonly missed?: () => number;
  /** Whether a listener's numbers are shown: Fouet's. */
  readonly listens?: true;
  /** How much longer than three rounds of the target that is probed most often no probe may end; a minute. */
  readonly graceMs?: number;
}

/** A question that a stuck disk must not hold up. */
const answerWithinMs = 1000;

export async function askSpool(spool: Sources["spool"]): Promise<SpoolView | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, answerWithinMs, undefined);
  });
  try {
    return await Promise.race([spool.status(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined where all is well, else what is not, in one line. */
export function findDead(
  { targets, ledger, graceMs = 60_000 }: Sources,
  startedMs: number,
): string | undefined {
  const views = targets?.() ?? [];
  const roundMs = views.reduce((least, view) => Math.min(least, view.intervalMs + view.timeoutMs), Infinity);
  const quietMs = performance.now() - (ledger.lastProbeMs ?? startedMs);
  return quietMs > graceMs + 3 * roundMs
    ? `no probe has ended for ${Math.round(quietMs / 1000)} s`
    : undefined;
}

/** Why an event would not be accepted now; undefined where it would. */
export async function findUnready({ ledger, spool }: Sources): Promise<string | undefined> {
  const { brokerFound, brokerAway, spoolTrouble } = ledger.delivery;
  if (brokerFound && brokerAway === undefined) return undefined;
  const away =
    brokerAway === undefined ? "the broker has not answered yet" : `the broker is away (${brokerAway})`;
  if (!spool.durable) return `${away}, and the spool is memory`;
  if (spoolTrouble !== undefined) return `${away}, and the spool takes nothing (${spoolTrouble})`;
  const status = await askSpool(spool);
  if (status === undefined) return `${away}, and the spool gives no answer`;
  return status.bytes < status.mostBytes ? undefined : `${away}, and the spool is full`;
}
