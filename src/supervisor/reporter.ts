// One stream of notifications as reports: what of it is new, what was lost, and what must be remembered.
import type { Draft } from "../event.ts";
import type { Store } from "../store/store.ts";
import { draftOf, lossDraft } from "./drafts.ts";
import { type Journal, openJournal, space } from "./journal.ts";
import type { Life } from "./life.ts";
import type { Notification } from "./notification.ts";
import { deservesNotice } from "./notice.ts";
import type { FouetSettings } from "./settings.ts";

export type ReporterSettings = Pick<FouetSettings, "notify" | "backoff_tries" | "log_bytes">;

export interface ReporterOptions {
  readonly host: string;
  readonly store: Store;
  readonly stream: string;
  readonly life: Life | undefined;
  readonly settings: ReporterSettings;
}

export type Report =
  /** Came before: to be answered once the first is safe, and not reported again. */
  | { readonly kind: "repeat"; readonly accepted: Promise<void> }
  | { readonly kind: "new"; readonly drafts: readonly Draft[]; accept(): Promise<void> };

/** A supervisord that is no older than this when we first hear of it started us at its own start. */
const youngMs = 60_000;

export function createReporter({ host, store, stream, life, settings }: ReporterOptions) {
  const journals = new Map<string, Promise<Journal>>();
  const journalOf = (pool: string) => {
    const open = () =>
      openJournal({
        store,
        stream,
        life: life?.id,
        pool,
        young: life !== undefined && life.ageMs < youngMs,
        firstPoolSerial: life?.firstPoolSerial ?? 0,
        shared: false,
      });
    return journals.get(pool) ?? journals.set(pool, open()).get(pool)!;
  };

  return {
    async report(notification: Notification, arrivedMs: number): Promise<Report> {
      const journal = await journalOf(notification.header.pool);
      const verdict = journal.take(notification);
      if (verdict.kind === "repeat") return verdict;
      const origin = { host, life: verdict.life, arrivedMs };
      const notifyLoss = settings.notify !== "none";
      return {
        kind: "new",
        drafts: [
          ...verdict.losses.map((loss) => lossDraft(loss, notification, origin, notifyLoss)),
          draftOf(notification, origin, {
            notify: deservesNotice(notification.payload, settings),
            logBytes: settings.log_bytes,
          }),
        ],
        async accept() {
          try {
            await store.write(space, verdict.accept());
          } finally {
            verdict.settle();
          }
        },
      };
    },
  };
}
