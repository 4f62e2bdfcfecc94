// The reject file: what is put aside is there for a person, is handed back whole, and is never taken away unseen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Envelope } from "../../../src/envelope.ts";
import { appendRejected, countRejected, replayRejected } from "../../../src/spool/rejected.ts";
import { makeRun } from "../../contract/spool.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-rejected-"));
after(() => fs.rmSync(root, { recursive: true }));
const fresh = () => fs.mkdtempSync(join(root, "s-"));
const pathIn = (directory: string) => join(directory, "rejected.ndjson");

async function replayed(directory: string): Promise<{ envelopes: readonly Envelope[]; unreadable: number }> {
  const envelopes: Envelope[] = [];
  const { unreadable, more } = await replayRejected(directory, async (some) => {
    envelopes.push(...some);
    return [];
  });
  assert.equal(more, false);
  return { envelopes, unreadable };
}

test("what was put aside comes back whole, once", async () => {
  const directory = fresh();
  const rows = makeRun().many(3);
  for (const row of rows) appendRejected(directory, row, "too large");
  assert.equal(countRejected(directory), 3);
  assert.deepEqual(await replayed(directory), { envelopes: rows, unreadable: 0 });
  assert.equal(countRejected(directory), 0);
  assert.deepEqual(await replayed(directory), { envelopes: [], unreadable: 0 });
});

test("what finds no room, or dies over it, is still counted, and comes back the next time", async () => {
  const directory = fresh();
  const [first, second] = makeRun().many(2);
  appendRejected(directory, first!, "too large");
  await assert.rejects(
    replayRejected(directory, () => Promise.reject(new Error("full"))),
    /full/,
  );
  assert.equal(countRejected(directory), 1);
  appendRejected(directory, second!, "too large");
  assert.equal(countRejected(directory), 2);
  assert.deepEqual(await replayed(directory), { envelopes: [first], unreadable: 0 });
  assert.deepEqual(await replayed(directory), { envelopes: [second], unreadable: 0 });
});

test("what there is no room for stays, in its order, and nothing that was taken comes again", async () => {
  const directory = fresh();
  const rows = makeRun().many(2500);
  for (const row of rows) appendRejected(directory, row, "too large");
  fs.appendFileSync(pathIn(directory), "no JSON");
  const got: Envelope[] = [];
  const rooms = [1500, 0, 700, 2500];
  const mores: boolean[] = [];
  for (let room of rooms) {
    const { more } = await replayRejected(directory, async (envelopes) => {
      got.push(...envelopes.slice(0, room));
      const back = envelopes.slice(room);
      room -= envelopes.length - back.length;
      return back;
    });
    mores.push(more);
    assert.equal(countRejected(directory), 2500 - got.length + 1);
  }
  assert.deepEqual(mores, [true, true, true, false]);
  assert.deepEqual(got, rows);
  assert.equal(fs.readFileSync(pathIn(directory), "utf8"), "no JSON\n");
});

test("a file that is larger than a text can be is counted and replayed", { timeout: 300_000 }, async () => {
  const directory = fresh();
  const [row] = makeRun().many(1);
  appendRejected(directory, { ...row!, body: JSON.stringify({ message: "x".repeat(2 ** 20) }) }, "too large");
  const line = fs.readFileSync(pathIn(directory));
  const lines = 520;
  for (let count = 1; count < lines; count += 1) fs.appendFileSync(pathIn(directory), line);
  assert.equal(countRejected(directory), lines);
  let got = 0;
  const replay = await replayRejected(directory, async (envelopes) => {
    got += envelopes.length;
    return [];
  });
  assert.deepEqual([got, replay.more, countRejected(directory)], [lines, false, 0]);
});

test("a line that a person or a full disk broke stays where it is", async () => {
  const directory = fresh();
  const [first, second] = makeRun().many(2);
  appendRejected(directory, first!, "too large");
  const whole = fs.readFileSync(pathIn(directory), "utf8");
  const broken = ["{}", "no JSON", '{"reason":"cut sho', whole.trimEnd().replace('"seq":', '"sequel":')];
  fs.appendFileSync(pathIn(directory), broken.join("\n"));
  appendRejected(directory, second!, "too large");
  assert.deepEqual(await replayed(directory), { envelopes: [first, second], unreadable: 4 });
  assert.equal(fs.readFileSync(pathIn(directory), "utf8"), `${broken.join("\n")}\n`);
});

test("what one process puts aside while another replays is in the file or in the replay", async () => {
  const directory = fresh();
  const script = `
    import { appendRejected } from ${JSON.stringify(new URL("../../../src/spool/rejected.ts", import.meta.url))};
    import { makeRun } from ${JSON.stringify(new URL("../../contract/spool.ts", import.meta.url))};
    for (const row of makeRun().many(200)) {
      appendRejected(${JSON.stringify(directory)}, row, "too large");
      console.log(row.id);
    }`;
  const writer = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  writer.stdout.on("data", (chunk) => (said += String(chunk)));
  const closed = once(writer, "close");
  const got = new Set<string>();
  const replay = () =>
    replayRejected(directory, async (envelopes) => {
      for (const { id } of envelopes) got.add(id);
      // A commit takes its time.
      await new Promise((resolve) => void setTimeout(resolve, 2));
      return [];
    });
  while (writer.exitCode === null && writer.signalCode === null) {
    await replay();
    await new Promise((resolve) => void setTimeout(resolve, 1));
  }
  await closed;
  await replay();
  const ids = said.trim().split("\n");
  assert.equal(ids.length, 200);
  assert.deepEqual(
    ids.filter((id) => !got.has(id)),
    [],
  );
});
