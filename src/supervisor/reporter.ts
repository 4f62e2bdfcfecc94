// What supervisord says, as events: one post for each supervisord, whatever way its notifications come in.
//
// Invariants:
// - A notification is answered once its events are safe and what must be remembered is in the store.
// - What came before is answered once the first is safe, and not reported again.
// - A death waits `evidence_within` for its truth at most, and in a storm not at all: supervisord's buffer fills.
import type { Json, Store } from "../store/store.ts";
import { ringAfter } from "../waiting.ts";
import type { Exchange } from "./conversation.ts";
import { draftOf, type Origin } from "./drafts.ts";
import { digestDraft, lossDraft } from "./findings.ts";
import type { Digest } from "./flapping.ts";
import { createInquest } from "./inquest.ts";
import { space, type Verdict } from "./journal.ts";
import { createJournals } from "./journals.ts";
import { noticeOf } from "./notice.ts";
import type { Notification, StatePayload } from "./notification.ts";
import type { Outlet } from "./outlet.ts";
import type { Post } from "./post.ts";
import { createPosts } from "./posts.ts";
import { fullName } from "./processes.ts";
import { makeUp } from "./reconcile.ts";
import type { FouetSettings } from "./settings.ts";
import { courseDetails, isDeath, truthWords } from "./truth.ts";
import type { Log, Way } from "./way.ts";

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

export interface Reporter {
  /** Reports a conversation to its end; rejects with its ProtocolError. */
  follow(exchanges: AsyncIterable<Exchange>, way: Way): Promise<void>;
  close(): void;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { store, settings, outlet, signal, log, observe } = options;
  const posts = createPosts(options);
  const journals = createJournals(store, log);
  const inquest = createInquest({ outlet, signal, withinMs: settings.evidence_within });

  async function report(post: Post, exchange: Exchange, verdict: Verdict & { kind: "new" }) {
    const { notification, arrivedMs } = exchange;
    const { payload, header } = notification;
    post.origin = { ...post.origin, life: verdict.life };
    post.pool = header.pool;
    const origin: Origin = { ...post.origin, arrivedMs };
    for (const { least } of verdict.losses) observe?.lost(least);
    if (verdict.losses.length > 0) {
      post.lossy = true;
      void makeUp(post, options);
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
    // Whoever reads this pool is back, for else nobody would tell of its end: no person need hear of it.
    const own = group === notification.header.pool && state === "EXITED" && settings.notify !== "all";
    const notice = own ? undefined : noticeOf(payload, post.processes.get(name), settings);
    const faulty = notice === "fault" ? true : state === "RUNNING" ? false : undefined;
    const course = post.processes.take(payload, origin.arrivedMs, faulty);
    const calm = notice === undefined || notice === "all";
    const passes = calm || post.flapping.passes(group, process, state, origin.arrivedMs);
    if (!passes) armDigests(post);
    if (payload.tries !== undefined) post.tries.set(name, payload.tries);
    const details: Record<string, unknown> = courseDetails(course);
    let words: string | undefined;
    if (isDeath(payload)) {
      Object.assign(details, await inquest.hold(post, notification, payload, origin));
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

  const timers = new Map<Post, () => void>();
  function armDigests(post: Post) {
    const { nextMs } = post.flapping;
    if (nextMs === undefined || timers.has(post)) return;
    const fire = () => {
      timers.delete(post);
      const nowMs = Date.now();
      const digests = post.flapping.due(nowMs);
      if (digests.length > 0) {
        const origin = { ...post.origin, arrivedMs: nowMs };
        const stateOf = ({ group, process }: Digest) => post.processes.get(fullName(group, process))?.state;
        const drafts = digests.map((digest) => digestDraft(digest, origin, post.pool, stateOf(digest)));
        outlet.put({ drafts });
      }
      armDigests(post);
    };
    timers.set(post, ringAfter(Math.max(0, nextMs - Date.now()), fire));
  }

  return {
    async follow(exchanges, from) {
      const reader = {};
      observe?.conversations(1);
      const joined = new Set<Set<object>>();
      let way = from;
      let fresh = true;
      let post: Post | undefined;
      try {
        if (way.life !== undefined) {
          // Nothing may come for hours: what was missed is looked for now.
          post = await posts.join(way, reader);
          void makeUp(post, options);
        }
        for await (const exchange of exchanges) {
          const { greeting, notification } = exchange;
          if (post === undefined) {
            if (greeting) {
              const { name = from.stream, url = from.url } = greeting;
              way = {
                stream: [name, url].join(" ").trim(),
                shown: greeting.name ?? from.shown ?? from.stream,
                life: greeting.life ?? from.life,
                url,
              };
            }
            post = await posts.join(way, reader);
            void makeUp(post, options);
          }
          post.lastMs = Date.now();
          const entry = journals.join(way, notification.header.pool, reader);
          joined.add(entry.readers);
          const verdict = (await entry.journal).take(notification, {
            shared: way.shared === true || entry.readers.size > 1,
            fresh,
          });
          fresh = false;
          observe?.notification(verdict.kind);
          if (verdict.kind === "repeat") void verdict.accepted.then(() => exchange.answer());
          else await report(post, exchange, verdict);
        }
      } finally {
        posts.leave(reader);
        for (const readers of joined) readers.delete(reader);
        observe?.conversations(-1);
      }
    },
    close() {
      for (const stop of timers.values()) stop();
    },
  };
}
