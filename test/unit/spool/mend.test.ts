// Rows of a damaged file come back in the order of their runs, whichever position a bit flipped in.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Envelope } from "../../../src/envelope.ts";
import { mendPlaces } from "../../../src/spool/mend.ts";

const route = { type: "t", host: "h", program: "p" };
const envelope = (run: string, seq: number): Envelope => ({
  id: `${run}-${seq}`,
  run,
  seq,
  class: "change",
  atMs: 0,
  route,
  body: "{}",
});

test("one position with a flipped bit: every row is there once, and each run in its order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c"), { minLength: 2, maxLength: 40 }),
      fc.nat(),
      fc.nat(20),
      fc.boolean(),
      (runs, which, bit, alsoWhole) => {
        const seqs = new Map<string, number>();
        const rows = runs.map((run, index) => {
          const seq = (seqs.get(run) ?? 0) + 1;
          seqs.set(run, seq);
          return { position: index + 10, envelope: envelope(run, seq) };
        });
        const hit = which % rows.length;
        const flipped = { ...rows[hit]!, position: rows[hit]!.position ^ (1 << bit) };
        const found = rows.map((row, index) => (index === hit ? flipped : row));
        // The log may hold the same row as it was.
        if (alsoWhole) found.push(rows[hit]!);
        const mended = mendPlaces(found).toSorted((one, other) => one.position - other.position);
        assert.equal(mended.length, rows.length);
        for (const run of seqs.keys()) {
          const order = mended.filter((row) => row.envelope.run === run).map((row) => row.envelope.seq);
          assert.deepEqual(
            order,
            order.toSorted((one, other) => one - other),
          );
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("rows of a whole file stay where they are", () => {
  const rows = ["a", "b", "a", "a", "b"].map((run, index) => ({
    position: index * 3 + 7,
    envelope: envelope(run, index),
  }));
  assert.deepEqual(
    mendPlaces(rows).toSorted((one, other) => one.position - other.position),
    rows,
  );
});
