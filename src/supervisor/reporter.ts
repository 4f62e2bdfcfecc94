// What supervisord says, as events: one post for each supervisord, whatever way its notifications come in.
//
// Invariants:
// - A notification is answered once its events are safe and what must be remembered is in the store.
// - What came before is answered once the first is safe, and not reported again.
// - A death waits `evidence_within` for its truth at most, and in a storm not at all: supervisord's buffer fills.
import type { Json, Store } from "../store/store.ts";
import type { Exchange } from "./conversation.ts";
import { draftOf, type Origin } from "./drafts.ts";
import { type Evidence, gatherEvidence } from "./evidence.ts";
import { digestDraft, evidenceDraft, lossDraft, syntheticDraft } from "./findings.ts";
import { type Flapping, watchFlapping } from "./flapping.ts";
import { type Journal, openJournal, space, type Verdict } from "./journal.ts";
import type { Life } from "./life.ts";
import { noticeOf } from "./notice.ts";
import type { Notification, StatePayload } from "./notification.ts";
import type { Outlet } from "./outlet.ts";
import { fullName, openProcesses, type Processes } from "./processes.ts";
import { differences } from "./reconcile.ts";
import type { FouetSettings } from "./settings.ts";
import { courseDetails, type Findings, isDeath, spawnErrorOf, truthDetails, truthWords } from "./truth.ts";
import { connectWeb } from "./web.ts";

/** What a person should read in our own log; the lead's logger fits. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ReporterOptions {
  readonly host: string;
  readonly store: Store;
  readonly settings: FouetSettings;
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly observe?: ListenerObserver;
}

/** What comes in, for metrics. */
export interface ListenerObserver {
  notification(kind: "new" | "repeat"): void;
  /** As many notifications are surely lost. */
  lost(count: number): void;
  /** By 1 for a conversation that begins, -1 for one that ends. */
  conversations(change: 1 | -1): void;
}

/** Where notifications come in. */
export interface Way {
  /** Names the supervisord where nothing else does. */
  readonly stream: string;
  /** For events: where there are several. */
  readonly shown?: string;
  readonly life?: Life | undefined;
  readonly url?: string | undefined;
  /** The pool's name, where it is known before its first notification. */
  readonly pool?: string | undefined;
  /** Whether other processes than ours read the same pool. */
  readonly shared?: boolean;
}

/** A supervisord that is no older than this when we first hear of it started us at its own start. */
const youngMs = 60_000;
/** How long late evidence is waited for, and for how many deaths at once. */
const lateMs = 5000;
const mostLate = 64;
const outputMs = 150;
/** When nothing came for so long, supervisord's buffer is empty and its word can be compared with what we know. */
const quietMs = 1000;
const quietAtLastMs = 30_000;

interface Post {
  readonly stream: string;
  readonly processes: Processes;
  readonly flapping: Flapping;
  readonly evidence: Evidence | undefined;
  readonly tries: Map<string, number>;
  origin: Omit<Origin, "arrivedMs">;
  pool: string;
  lastMs: number;
  /** Whether something of this life was lost, so that even what we never knew of is made up for. */
  lossy: boolean;
  reconciling?: boolean;
}

export interface Reporter {
  /** Reports a conversation to its end; rejects with its ProtocolError. */
  follow(exchanges: AsyncIterable<Exchange>, way: Way): Promise<void>;
  close(): void;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { host, store, settings, outlet, signal, log, observe } = options;
  const posts = new Map<string, Promise<Post>>();
  const journals = new Map<string, { journal: Promise<Journal>; readers: Set<object> }>();
  const budget = createBudget();
  let late = 0;

  const postOf = (way: Way) => posts.get(way.stream) ?? posts.set(way.stream, openPost(way)).get(way.stream)!;

  async function openPost({ stream, shown, url: said, life, pool }: Way): Promise<Post> {
    const url = settings.supervisor_url ?? said;
    const evidence =
      url === undefined
        ? undefined
        : gatherEvidence({
            web: connectWeb({
              url,
              username: settings.supervisor_username,
              password: settings.supervisor_password,
            }),
            signal,
            outputBytes: settings.output_bytes,
            mask: settings.mask,
            onAway: (error) =>
              log.warn(
                { stream },
                `${error.message}: the truth about deaths and what was missed cannot be asked for`,
              ),
          });
    return {
      stream,
      processes: await openProcesses(store, stream),
      flapping: watchFlapping({ count: settings.flap_count, withinMs: settings.flap_within }),
      evidence,
      tries: new Map(),
      origin: { host, life: life?.id ?? "", ...(shown !== undefined && { stream: shown }) },
      pool: pool ?? "",
      lastMs: Date.now(),
      lossy: false,
    };
  }

  function joinJournal(way: Way, pool: string, reader: object) {
    const name = (at: number) => (at === 1 ? way.stream : `${way.stream}#${at}`);
    let at = 1;
    let key = `${way.life?.id ?? name(at)} ${pool}`;
    // Two relays at once that say no life are two supervisords as far as we can tell.
    if (way.life === undefined) {
      while ((journals.get(key)?.readers.size ?? 0) > 0 && !journals.get(key)!.readers.has(reader)) {
        at += 1;
        key = `${name(at)} ${pool}`;
      }
      if (at > 1) {
        log.warn(
          { stream: way.stream, pool },
          "several relays without a name are connected for one pool: use `fouet --relay`, or a socket for each supervisord",
        );
      }
    }
    const open = () => ({
      journal: openJournal({
        store,
        stream: name(at),
        life: way.life?.id,
        pool,
        young: (way.life?.ageMs ?? Infinity) < youngMs,
        firstPoolSerial: way.life?.firstPoolSerial ?? 0,
      }),
      readers: new Set<object>(),
    });
    const entry = journals.get(key) ?? journals.set(key, open()).get(key)!;
    entry.readers.add(reader);
    return entry;
  }

  async function report(post: Post, exchange: Exchange, verdict: Verdict & { kind: "new" }) {
    const { notification, arrivedMs } = exchange;
    const { payload, header } = notification;
    post.origin = { ...post.origin, life: verdict.life };
    post.pool = header.pool;
    const origin: Origin = { ...post.origin, arrivedMs };
    for (const { least } of verdict.losses) observe?.lost(least);
    if (verdict.losses.length > 0) {
      post.lossy = true;
      void reconcile(post);
    }
    const discarded = verdict.losses.length > 0 ? (post.evidence?.discarded(header.pool) ?? []) : [];
    const losses = verdict.losses.map((loss) =>
      lossDraft(loss, notification, origin, {
        notify: settings.notify !== "none" && loss.notable,
        discarded,
      }),
    );
    const draft =
      payload.kind === "state"
        ? await stateDraft(post, notification, payload, origin)
        : draftOf(notification, origin, { notify: false, logBytes: settings.log_bytes, mask: settings.mask });
    outlet.put({
      drafts: [...losses, draft],
      async accepted() {
        try {
          await store.write(
            space,
            new Map<string, Json | undefined>([...verdict.accept(), ...post.processes.changes()]),
          );
        } catch (error) {
          log.error(
            { error },
            "what was reported could not be remembered: after a crash it may be sent again",
          );
        } finally {
          verdict.settle();
        }
        await exchange.answer();
      },
    });
  }

  async function stateDraft(post: Post, notification: Notification, payload: StatePayload, origin: Origin) {
    const { group, process, state } = payload;
    const name = fullName(group, process);
    const notice = noticeOf(payload, post.processes.get(name), settings);
    const faulty = notice === "fault" ? true : state === "RUNNING" ? false : undefined;
    const course = post.processes.take(payload, origin.arrivedMs, faulty);
    const calm = notice === undefined || notice === "all";
    const passes = calm || post.flapping.passes(group, process, state, origin.arrivedMs);
    if (!passes) armDigests(post);
    if (payload.tries !== undefined) post.tries.set(name, payload.tries);
    const details: Record<string, unknown> = courseDetails(course);
    let words: string | undefined;
    if (isDeath(payload)) {
      Object.assign(details, await truthOf(post, notification, payload, origin));
      words = truthWords(payload, details);
    }
    return draftOf(notification, origin, {
      notify: notice !== undefined && passes,
      logBytes: settings.log_bytes,
      details,
      words,
      tags: [...(notice === "recovery" ? ["recovered"] : []), ...(passes ? [] : ["flapping"])],
    });
  }

  /** Waits a little; what is not there by then follows in a second event. */
  async function truthOf(post: Post, notification: Notification, payload: StatePayload, origin: Origin) {
    const { evidence } = post;
    if (evidence === undefined) return truthDetails(payload, {}, { log: "away", waiting: false });
    const { process, group, pid } = payload;
    const tries = payload.tries ?? post.tries.get(fullName(group, process));
    const deceased = { process, ...(pid !== undefined && { pid }), ...(tries !== undefined && { tries }) };
    const found: Findings = { fact: await evidence.find(deceased, 0) };
    const waitMs = budget.allow(settings.evidence_within);
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

  const timers = new Map<Post, NodeJS.Timeout>();
  function armDigests(post: Post) {
    const { nextMs } = post.flapping;
    if (nextMs === undefined || timers.has(post)) return;
    const fire = () => {
      timers.delete(post);
      const nowMs = Date.now();
      const digests = post.flapping.due(nowMs);
      if (digests.length > 0) {
        const origin = { ...post.origin, arrivedMs: nowMs };
        outlet.put({ drafts: digests.map((digest) => digestDraft(digest, origin, post.pool)) });
      }
      armDigests(post);
    };
    timers.set(post, setTimeout(fire, Math.max(0, nextMs - Date.now())));
  }

  /** Compares supervisord's word with what we know, once nothing is on its way any more. */
  async function reconcile(post: Post) {
    const { evidence, processes } = post;
    if (evidence === undefined || post.reconciling) return;
    post.reconciling = true;
    const startedMs = Date.now();
    const quiet = () => Date.now() - post.lastMs >= quietMs || Date.now() - startedMs > quietAtLastMs;
    try {
      while (!signal.aborted) {
        if (!quiet()) {
          await pause(quietMs / 4, signal);
          continue;
        }
        const askedMs = post.lastMs;
        const infos = await evidence.processes();
        if (infos === undefined || signal.aborted) return;
        // A second look: what changed in between is on its way as an event.
        await pause(quietMs, signal);
        const again = await evidence.processes();
        if (again === undefined || signal.aborted) return;
        if (post.lastMs !== askedMs && Date.now() - startedMs <= quietAtLastMs) continue;
        const baseline = !processes.remembered && !post.lossy;
        const missed = differences({ first: infos, second: again, processes });
        const arrivedMs = Date.now();
        const origin: Origin = { ...post.origin, arrivedMs };
        const drafts = missed.flatMap((info) => {
          const name = fullName(info.group, info.name);
          const before = processes.get(name);
          const state = info.statename as StatePayload["state"];
          const payload: StatePayload = {
            kind: "state",
            process: info.name,
            group: info.group,
            state,
            from: before?.state ?? "",
            ...(info.pid > 0 && { pid: info.pid }),
            expected: info.exitstatus === 0,
            other: {},
          };
          const notice = noticeOf(payload, before, settings);
          processes.take(
            payload,
            arrivedMs,
            notice === "fault" ? true : state === "RUNNING" ? false : undefined,
          );
          if (baseline) return [];
          return [
            syntheticDraft(info, before, origin, post.pool, {
              notify: notice !== undefined,
              recovered: notice === "recovery",
            }),
          ];
        });
        const remember = () => store.write(space, processes.changes());
        if (drafts.length > 0) outlet.put({ drafts, accepted: remember });
        else await remember();
        return;
      }
    } catch (error) {
      log.error({ error, stream: post.stream }, "what was missed could not be made up for");
    } finally {
      post.reconciling = false;
    }
  }

  return {
    async follow(exchanges, from) {
      const reader = {};
      observe?.conversations(1);
      const joined = new Set<Set<object>>();
      let way = from;
      let post: Post | undefined;
      try {
        if (way.life !== undefined) {
          // Nothing may come for hours: what was missed is looked for now.
          post = await postOf(way);
          void reconcile(post);
        }
        for await (const exchange of exchanges) {
          const { greeting, notification } = exchange;
          if (post === undefined) {
            if (greeting) {
              way = {
                stream: greeting.name ?? from.stream,
                shown: greeting.name ?? from.shown ?? from.stream,
                life: greeting.life ?? from.life,
                url: greeting.url ?? from.url,
              };
            }
            post = await postOf(way);
            void reconcile(post);
          }
          post.lastMs = Date.now();
          const entry = joinJournal(way, notification.header.pool, reader);
          joined.add(entry.readers);
          const verdict = (await entry.journal).take(
            notification,
            way.shared === true || entry.readers.size > 1,
          );
          observe?.notification(verdict.kind);
          if (verdict.kind === "repeat") void verdict.accepted.then(() => exchange.answer());
          else await report(post, exchange, verdict);
        }
      } finally {
        for (const readers of joined) readers.delete(reader);
        observe?.conversations(-1);
      }
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
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

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
