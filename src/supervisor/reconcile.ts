// Makes up for what was missed: supervisord's word on its processes against what we know of them.
import type { Store } from "../store/store.ts";
import type { Origin } from "./drafts.ts";
import type { ProcessInfo } from "./evidence.ts";
import { syntheticDraft } from "./findings.ts";
import { space } from "./journal.ts";
import { noticeOf } from "./notice.ts";
import type { StatePayload } from "./notification.ts";
import type { Outlet } from "./outlet.ts";
import { pause } from "./pause.ts";
import type { Post } from "./post.ts";
import { fullName, type Processes } from "./processes.ts";
import type { FouetSettings } from "./settings.ts";
import type { Log } from "./way.ts";

export interface MakeUpOptions {
  readonly store: Store;
  readonly settings: FouetSettings;
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** When nothing came for so long, supervisord's buffer is empty and its word can be compared with what we know. */
const quietMs = 1000;
const quietAtLastMs = 30_000;

/** Waits until nothing is on its way any more, then reports what nobody told. One at a time for each post. */
export async function makeUp(post: Post, options: MakeUpOptions): Promise<void> {
  if (post.evidence === undefined || post.reconciling) return;
  post.reconciling = true;
  try {
    const infos = await missedOf(post, options.signal);
    if (infos !== undefined) await report(post, infos, options);
  } catch (error) {
    options.log.error({ error, stream: post.stream }, "what was missed could not be made up for");
  } finally {
    post.reconciling = false;
  }
}

async function missedOf(post: Post, signal: AbortSignal): Promise<readonly ProcessInfo[] | undefined> {
  const { evidence, processes } = post;
  const startedMs = Date.now();
  const impatient = () => Date.now() - startedMs > quietAtLastMs;
  while (!signal.aborted) {
    if (Date.now() - post.lastMs < quietMs && !impatient()) {
      await pause(quietMs / 4, signal);
      continue;
    }
    const askedMs = post.lastMs;
    const first = await evidence?.processes();
    // A second look: what changed in between is on its way as an event.
    await pause(quietMs, signal);
    const second = await evidence?.processes();
    if (first === undefined || second === undefined) return undefined;
    if (post.lastMs === askedMs || impatient()) return differences({ first, second, processes });
  }
  return undefined;
}

async function report(post: Post, infos: readonly ProcessInfo[], { store, settings, outlet }: MakeUpOptions) {
  const { processes } = post;
  // What we see for the first time is no news, unless something was lost.
  const baseline = !processes.remembered && !post.lossy;
  const arrivedMs = Date.now();
  const origin: Origin = { ...post.origin, arrivedMs };
  const drafts = infos.flatMap((info) => {
    const before = processes.get(fullName(info.group, info.name));
    const payload = payloadOf(info, before?.state ?? "");
    const notice = noticeOf(payload, before, settings);
    const faulty = notice === "fault" ? true : payload.state === "RUNNING" ? false : undefined;
    processes.take(payload, arrivedMs, faulty);
    if (baseline) return [];
    const tagging = { notify: notice !== undefined, recovered: notice === "recovery" };
    return [syntheticDraft(info, before, origin, post.pool, tagging)];
  });
  const remember = () => store.write(space, processes.changes());
  if (drafts.length > 0) outlet.put({ drafts, accepted: remember });
  else await remember();
}

const payloadOf = (info: ProcessInfo, from: string): StatePayload => ({
  kind: "state",
  process: info.name,
  group: info.group,
  state: info.statename as StatePayload["state"],
  from,
  ...(info.pid > 0 && { pid: info.pid }),
  expected: info.exitstatus === 0,
  other: {},
});

/** States in which a process rests; from the others an event is on its way. */
const resting = new Set(["RUNNING", "STOPPED", "EXITED", "FATAL", "UNKNOWN"]);

/** Processes whose present state, the same at both looks, nobody told us. What is gone is forgotten. */
export function differences({
  first,
  second,
  processes,
}: {
  readonly first: readonly ProcessInfo[];
  readonly second: readonly ProcessInfo[];
  readonly processes: Processes;
}): readonly ProcessInfo[] {
  const before = new Map(first.map((info) => [fullName(info.group, info.name), info]));
  const present = new Set(second.map((info) => fullName(info.group, info.name)));
  for (const name of processes.names()) if (!present.has(name)) processes.forget(name);
  return second.filter((info) => {
    const name = fullName(info.group, info.name);
    const earlier = before.get(name);
    if (!resting.has(info.statename) || earlier?.statename !== info.statename || earlier.pid !== info.pid) {
      return false;
    }
    const known = processes.get(name);
    if (known === undefined) return info.statename !== "STOPPED" || info.start > 0;
    if (known.state !== info.statename) return true;
    return info.statename === "RUNNING" && known.pid !== undefined && known.pid !== info.pid;
  });
}
