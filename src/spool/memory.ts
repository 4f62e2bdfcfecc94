// The spool where there is no disk: keeps events in order until the broker takes them; nothing in it is accepted.
import type { Envelope } from "../envelope.ts";
import { type Spool, type SpoolStatus, repeatsUntil } from "./spool.ts";

/** What one event costs beside its body, in bytes: an estimate that errs upwards. */
const overheadBytes = 256;

export function openMemorySpool({ mostBytes }: { mostBytes: number }): Spool {
  let rows: Envelope[] = [];
  let bytes = 0;
  let rejected = 0;
  let lastError: SpoolStatus["lastError"];
  const cost = (envelope: Envelope) => envelope.body.length * 2 + overheadBytes;

  function remove(envelopes: readonly Envelope[]) {
    const gone = new Set(envelopes);
    rows = rows.filter((row) => !gone.has(row));
    bytes = rows.reduce((sum, row) => sum + cost(row), 0);
  }

  let draining = false;
  return {
    durable: false,
    async add(envelopes) {
      const refused: Envelope[] = [];
      let full = false;
      for (const envelope of envelopes) {
        const after = bytes + cost(envelope);
        if (envelope.class === "repeat" ? after > mostBytes * repeatsUntil : full || after > mostBytes) {
          refused.push(envelope);
          full ||= envelope.class !== "repeat";
        } else {
          rows.push(envelope);
          bytes = after;
        }
      }
      return { refused };
    },
    waiting: async (run) => rows.reduce((count, row) => count + (row.run === run ? 1 : 0), 0),
    async drain() {
      if (draining) return undefined;
      draining = true;
      const given = new Set<Envelope>();
      return {
        async next({ count, bytes: mostBatchBytes }) {
          const batch: Envelope[] = [];
          let total = 0;
          for (const row of rows) {
            if (given.has(row)) continue;
            total += cost(row);
            if (batch.length >= count || (batch.length > 0 && total > mostBatchBytes)) break;
            batch.push(row);
          }
          for (const row of batch) given.add(row);
          return batch;
        },
        async remove(envelopes) {
          remove(envelopes);
          for (const row of envelopes) given.delete(row);
        },
        async [Symbol.asyncDispose]() {
          draining = false;
        },
      };
    },
    remove: async (envelopes) => remove(envelopes),
    async reject() {
      rejected += 1;
    },
    async note(reason) {
      lastError = { atMs: Date.now(), reason };
    },
    async status() {
      const oldest = rows[0];
      const waiting = oldest && { oldestAtMs: oldest.atMs, ...(lastError && { lastError }) };
      return { count: rows.length, bytes, mostBytes, rejected, ...waiting };
    },
    async [Symbol.asyncDispose]() {},
  };
}
