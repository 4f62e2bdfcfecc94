// The journals of all pools that are heard, each opened once, and the old ones cleared away.
import type { Json, Store } from "../store/store.ts";
import { type Journal, journalPrefix, openJournal, space } from "./journal.ts";
import { type Log, numbered, type Way } from "./way.ts";

export interface Joined {
  readonly journal: Promise<Journal>;
  /** Conversations that read this pool now. */
  readonly readers: Set<object>;
}

export interface Journals {
  /** The journal of a pool for one conversation, which is then one of its readers. */
  join(way: Way, pool: string, reader: object): Joined;
}

/** A supervisord that is no older than this when we first hear of it started us at its own start. */
const youngMs = 60_000;
/** Of lives that are over. */
const mostKept = 32;

export function createJournals(store: Store, log: Log): Journals {
  const journals = new Map<string, Joined>();
  let cleared: Promise<void> | undefined;

  return {
    join(way, pool, reader) {
      const name = (at: number) => numbered(way.stream, at);
      let at = 1;
      let key = `${way.life?.id ?? name(at)} ${pool}`;
      // Two relays at once that say no life are two supervisords as far as we can tell.
      if (way.life === undefined) {
        while ((journals.get(key)?.readers.size ?? 0) > 0 && !journals.get(key)!.readers.has(reader)) {
          at += 1;
          key = `${name(at)} ${pool}`;
        }
        if (at > 1 && !journals.has(key)) {
          log.warn(
            { stream: way.stream, pool },
            "several relays without a name are connected for one pool: use `fouet --relay`, or a socket for each supervisord",
          );
        }
      }
      const open = async () => {
        await (cleared ??= clearOld(store));
        return openJournal({
          store,
          stream: name(at),
          life: way.life?.id,
          pool,
          young: (way.life?.ageMs ?? Infinity) < youngMs,
          firstPoolSerial: way.life?.firstPoolSerial ?? 0,
        });
      };
      const joined = journals.get(key) ?? { journal: open(), readers: new Set() };
      journals.set(key, joined);
      joined.readers.add(reader);
      return joined;
    },
  };
}

async function clearOld(store: Store): Promise<void> {
  const kept = [...(await store.entries(space))]
    .filter(([key]) => key.startsWith(journalPrefix))
    .map(([key, value]) => [key, (value as { atMs?: number }).atMs ?? 0] as const)
    .toSorted(([, one], [, other]) => other - one);
  if (kept.length <= mostKept) return;
  await store.write(
    space,
    new Map<string, Json | undefined>(kept.slice(mostKept).map(([key]) => [key, undefined])),
  );
}
