// What we took from one pool in one life of supervisord: tells the new from the repeated, and finds what was lost.
//
// - `serial` is supervisord's own and goes on through a reload; with the life it is the identity of a happening.
// - `poolserial` counts within the pool and starts again after a reload; supervisord drops the oldest event of a
//   full buffer, and puts a refused one back at the head, so with one listener a gap is a loss, known at once.
// - Taken is not accepted: a serial counts as seen once its event is safe, and is kept in the store before
//   supervisord hears of it. A relay that died while BUSY brings the same serial again: it waits for the first.
// - Where nobody tells the life (a bare relay), one notification is out at a time: supervisord repeats only its last,
//   under the same numbers. Lower numbers than the last are another life's, though it says the same as the one before
//   (a container's boot does); so is the last number with another text.
import { createHash, randomUUID } from "node:crypto";
import type { Json, Store } from "../store/store.ts";
import type { Header, Notification } from "./notification.ts";
import { flat } from "../flat.ts";
import { createRanges, type Range } from "./ranges.ts";

/** Events that supervisord had for us and that never came. */
export interface Loss {
  /** overflow: its buffer was full. reload: its buffer was thrown away with the old pool. */
  readonly cause: "overflow" | "reload";
  /** Of the pool's own count, where that is known. */
  readonly poolSerials?: Range;
  /** The global serials among which the lost ones are. */
  readonly serials?: Range;
  /** How many are surely lost, and how many may be. */
  readonly least: number;
  readonly most: number;
  /** Whether a person should hear of it: with every reload the listener's own STOPPING and STOPPED are lost. */
  readonly notable: boolean;
}

export type Verdict =
  | { readonly kind: "repeat"; readonly accepted: Promise<void> }
  | {
      readonly kind: "new";
      readonly life: string;
      readonly losses: readonly Loss[];
      /** Call once the event is safe; what it gives belongs into the store before supervisord is answered. */
      accept(): ReadonlyMap<string, Json>;
      /** Call when that is done (or failed): repeats that wait go on. */
      settle(): void;
    };

export interface Circumstances {
  /** Others read the same pool now, so that a gap says nothing. */
  readonly shared?: boolean;
  /** The first of a conversation: between the last and this one supervisord may have reloaded. */
  readonly fresh?: boolean;
}

export interface Journal {
  take(notification: Notification, circumstances?: Circumstances): Verdict;
}

export interface JournalOptions {
  readonly store: Store;
  /** Where the notifications come in; names the journal where the life is unknown. */
  readonly stream: string;
  readonly life: string | undefined;
  readonly pool: string;
  /** Whether this life began so lately that its first events were meant for us. */
  readonly young: boolean;
  /** Python's supervisord counts from 0, Go's from 1. */
  readonly firstPoolSerial?: number;
  readonly now?: () => number;
}

export const space = "fouet";
export const journalPrefix = "journal ";
const recentCount = 256;
const ownGoodbyes = 2;

interface Kept {
  readonly life: string;
  readonly ranges: readonly Range[];
  readonly last: { readonly serial: number; readonly poolSerial: number | null } | null;
  readonly recent: readonly (readonly [serial: number, digest: string])[];
}

export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { store, stream, pool, now = Date.now } = options;
  const key = flat(`${journalPrefix}${options.life ?? stream} ${pool}`);
  const kept = ((await store.get(space, key)) ?? undefined) as Kept | undefined;

  let life = flat(options.life ?? kept?.life ?? randomUUID());
  let seen = createRanges(kept?.ranges);
  let recent = new Map(kept?.recent);
  let last: Kept["last"] = kept?.last ?? null;
  let pending = new Map<number, { digest: string; accepted: Promise<void> }>();
  /** Our numbers of old events that other pools refused: supervisord hands these out before what waits for us. */
  const early = new Set<number>();

  function begin() {
    life = randomUUID();
    seen = createRanges();
    recent = new Map();
    pending = new Map();
    early.clear();
    last = null;
  }

  /** Both counts go back: neither a repeat, nor a reload (serial goes on), nor what another pool refused. */
  const goesBack = ({ serial, poolSerial = Infinity }: Header) =>
    last !== null && serial <= last.serial && poolSerial < (last.poolSerial ?? 0);

  /** Undefined where it is new. */
  function repeated(header: Header, digest: string): Promise<void> | undefined {
    const known = options.life !== undefined;
    if (!known && goesBack(header)) begin();
    const { serial } = header;
    const waiting = pending.get(serial);
    if (waiting && (known || waiting.digest === digest)) return waiting.accepted;
    if (!waiting && !seen.has(serial)) return undefined;
    if (known || recent.get(serial) === digest) return Promise.resolve();
    begin();
    return undefined;
  }

  function losses(
    serial: number,
    poolSerial: number | undefined,
    { shared = false, fresh = false, opening }: Circumstances & { readonly opening: boolean },
  ): Loss[] {
    if (poolSerial === undefined || shared) return [];
    if (last === null) {
      const first = options.firstPoolSerial ?? 0;
      const count = Math.max(0, poolSerial - first);
      // A pool hears of its own group first. Numbers before that were of a pool that a reload threw away before we
      // came (or of another pool that was started earlier).
      const most = options.young && opening ? Math.max(count, serial - first) : count;
      // Without memory of ours, events that we took in an earlier life of this process look lost.
      if (most === 0 || (!store.durable && !options.young)) return [];
      return [
        {
          cause: count > 0 ? "overflow" : "reload",
          ...(count > 0 && { poolSerials: [first, poolSerial - 1] as const }),
          ...between(first - 1, serial),
          least: store.durable ? count : 0,
          most,
          notable: count > 0,
        },
      ];
    }
    if (last.poolSerial === null) return [];
    if (poolSerial > last.poolSerial) {
      const came = [...early].filter((number) => number < poolSerial).length;
      const count = poolSerial - last.poolSerial - 1 - came;
      if (count === 0 || serial < last.serial) return [];
      // Other pools' events have serials too; but a reload in between may have lost more than the count tells.
      const most = fresh ? serial - last.serial - 1 : count;
      const poolSerials: Range = [last.poolSerial + 1, poolSerial - 1];
      return [
        {
          cause: "overflow",
          poolSerials,
          ...between(last.serial, serial),
          least: count,
          most: Math.max(count, most),
          notable: true,
        },
      ];
    }
    if (serial < last.serial) return [];
    const most = serial - last.serial - 1;
    if (most <= 0) return [];
    const poolSerials: Range | undefined = poolSerial > 0 ? [0, poolSerial - 1] : undefined;
    return [
      {
        cause: "reload",
        ...(poolSerials && { poolSerials }),
        ...between(last.serial, serial),
        least: poolSerial,
        most,
        notable: poolSerial > 0 || most > ownGoodbyes,
      },
    ];
  }

  return {
    take(notification, circumstances = {}) {
      const { serial, poolSerial } = notification.header;
      // Where the life is known, the serial says it all.
      const digest = options.life === undefined ? digestOf(notification) : "";
      const before = repeated(notification.header, digest);
      if (before) return { kind: "repeat", accepted: before };
      const opening = notification.header.eventName === "PROCESS_GROUP_ADDED";
      const found = losses(serial, poolSerial, { ...circumstances, opening });
      if (last === null || serial > last.serial) {
        const reloaded = (poolSerial ?? 0) < (last?.poolSerial ?? 0);
        for (const number of early) if (reloaded || number <= poolSerial!) early.delete(number);
        last = { serial, poolSerial: poolSerial ?? null };
      }
      // An old event that another pool refused comes late, with our next number: serials do not go back for it.
      else if (poolSerial === (last.poolSerial ?? NaN) + 1) last = { serial: last.serial, poolSerial };
      else if (poolSerial !== undefined && poolSerial > (last.poolSerial ?? Infinity)) early.add(poolSerial);
      const mark = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      const generation = { seen, recent, pending, life };
      pending.set(serial, { digest, accepted: promise });
      return {
        kind: "new",
        life,
        losses: found,
        accept() {
          generation.seen.add(serial);
          if (options.life === undefined) {
            generation.recent.set(serial, digest);
            for (const old of generation.recent.keys()) {
              if (generation.recent.size <= recentCount) break;
              generation.recent.delete(old);
            }
          }
          const entry = {
            life: generation.life,
            ranges: generation.seen.list(),
            last: mark,
            recent: options.life === undefined ? [...generation.recent] : [],
            atMs: now(),
          };
          return new Map<string, Json>([[key, entry]]);
        },
        settle() {
          generation.pending.delete(serial);
          resolve();
        },
      };
    },
  };
}

/** The global serials strictly between two. */
function between(before: number, after: number): { serials?: Range } {
  return after - before > 1 ? { serials: [before + 1, after - 1] } : {};
}

function digestOf({ header, payload }: Notification): string {
  return createHash("sha256")
    .update(JSON.stringify([header.eventName, payload]))
    .digest("base64url")
    .slice(0, 16);
}
