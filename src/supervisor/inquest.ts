// The inquest on a death: waits a little for the truth, and sends what comes later in a second event.
//
// In a storm it waits not at all and asks nothing, for supervisord's buffer fills while it waits.
import type { Origin } from "./drafts.ts";
import { evidenceDraft } from "./findings.ts";
import type { Notification, StatePayload } from "./notification.ts";
import type { Outlet } from "./outlet.ts";
import { pause } from "./pause.ts";
import type { Post } from "./post.ts";
import { fullName } from "./processes.ts";
import { type Findings, spawnErrorOf, truthDetails } from "./truth.ts";

export interface InquestOptions {
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
  readonly withinMs: number;
}

export interface Inquest {
  /** Details of the event; after `withinMs` at the latest. */
  hold(
    post: Post,
    notification: Notification,
    payload: StatePayload,
    origin: Origin,
  ): Promise<Record<string, unknown>>;
}

/** How long late evidence is waited for, and for how many deaths at once. */
const lateMs = 5000;
const mostLate = 64;
const outputMs = 150;

export function createInquest({ outlet, signal, withinMs }: InquestOptions): Inquest {
  const budget = createBudget();
  let late = 0;

  async function hold(post: Post, notification: Notification, payload: StatePayload, origin: Origin) {
    const { evidence } = post;
    if (evidence === undefined) return truthDetails(payload, {}, { log: "away", waiting: false });
    const { process, group, pid } = payload;
    const tries = payload.tries ?? post.tries.get(fullName(group, process));
    const deceased = { process, ...(pid !== undefined && { pid }), ...(tries !== undefined && { tries }) };
    const found: Findings = { fact: await evidence.find(deceased, 0) };
    const waitMs = budget.allow(withinMs);
    const startedMs = performance.now();
    const search = waitMs > 0 ? searchAll() : searchLog();
    let over = false;
    void search.then(() => (over = true));
    await Promise.race([search, pause(waitMs, signal)]);
    budget.spend(waitMs > 0 ? performance.now() - startedMs : 0);
    const inTime = { ...found };
    const waiting = !over && evidence.log === "speaks" && late < mostLate;
    if (waiting) {
      late += 1;
      void search.then(() => {
        late -= 1;
        const gained = (found.fact && !inTime.fact) || (found.output && !inTime.output);
        if (!gained) return;
        const details = truthDetails(payload, found, { log: evidence.log, waiting: false });
        outlet.put({ drafts: [evidenceDraft(notification, payload, origin, details)] });
      });
    }
    return truthDetails(payload, inTime, { log: evidence.log, waiting });

    async function searchAll() {
      const fact = found.fact ?? evidence!.find(deceased, lateMs).then((fact) => (found.fact = fact));
      const info = evidence!.process(group, process, lateMs).then(async (info) => {
        found.info = info;
        const output = await (info && evidence!.output(info, outputMs));
        if (output && Object.keys(output).length > 0) found.output = output;
        return info;
      });
      // What was never spawned has no death that the log could tell.
      if (found.fact === undefined && spawnErrorOf(await info) !== undefined) return;
      await Promise.all([fact, info]);
    }

    /** A storm: no time, and no questions that would slow supervisord further. */
    async function searchLog() {
      found.fact ??= await evidence!.find(deceased, lateMs, { poke: false });
    }
  }

  return { hold };
}

/** Two seconds' worth of waiting at once, a fifth of the time in the long run. */
function createBudget({ mostMs = 2000, share = 0.2 } = {}) {
  let leftMs = mostMs;
  let atMs = performance.now();
  return {
    allow(ms: number): number {
      const nowMs = performance.now();
      leftMs = Math.min(mostMs, leftMs + (nowMs - atMs) * share);
      atMs = nowMs;
      return leftMs < ms ? 0 : ms;
    },
    spend(ms: number) {
      leftMs -= ms;
    },
  };
}
