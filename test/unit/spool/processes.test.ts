// Several processes on one spool: killed while they commit, stopped while they hold the right to drain.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";

const root = mkdtempSync(join(tmpdir(), "moustash-spool-"));
const started = new Set<ChildProcess>();
after(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(root, { recursive: true });
});
const fresh = () => mkdtempSync(join(root, "s-"));
const harness = fileURLToPath(new URL("../../harness/spool-process.ts", import.meta.url));

/** A harness process and the lines that it printed. */
function start(verb: string, directory: string) {
  const child = spawn(process.execPath, [harness, verb, directory], { stdio: ["pipe", "pipe", "inherit"] });
  started.add(child);
  // All that it printed is heard: its output is read to the end.
  const ended = once(child, "close").then(() => started.delete(child));
  let text = "";
  child.stdout.on("data", (chunk) => (text += String(chunk)));
  return {
    child,
    ended,
    /** Whole lines only: a killed process may leave half of one. */
    lines: () => text.split("\n").slice(0, -1),
    async kill(signal: NodeJS.Signals = "SIGKILL") {
      child.kill(signal);
      await ended;
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 120_000; !(await condition()); await sleep(5))
    assert.ok(Date.now() < deadline, `never: ${what}`);
}

async function drainAll(directory: string): Promise<string[]> {
  await using spool = openSqliteSpool({ directory, mostBytes: 2 ** 28 });
  await using drain = (await spool.drain())!;
  const rows = await drain.next({ count: 1e6, bytes: 2 ** 30 });
  await drain.remove(rows);
  assert.equal((await spool.status()).count, 0);
  return rows.map(({ run, seq }) => `${run}:${seq}`);
}

test("what a killed process said to be committed is there, from the first to the last, in order", async () => {
  const directory = fresh();
  for (let round = 0; round < 4; round += 1) {
    const two = [start("add", directory), start("add", directory)];
    await until(() => two.every(({ lines }) => lines().length > 3 + round * 5), "both commit");
    await Promise.all(two.map((process) => process.kill()));
    const rows = await drainAll(directory);
    for (const { lines } of two) {
      const [run, ...said] = lines();
      const seqs = rows.filter((row) => row.startsWith(`${run}:`)).map((row) => Number(row.split(":")[1]));
      assert.deepEqual(
        seqs,
        seqs.map((_, index) => index + 1),
        "no gap, no repeat, no disorder",
      );
      assert.ok(seqs.length >= Number(said.at(-1)), `said ${said.at(-1)}, found ${seqs.length}`);
    }
  }
});

test("two drainers that are killed in turn lose nothing and keep the order", async () => {
  const directory = fresh();
  const adder = start("add", directory);
  const seen: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const two = [start("drain", directory), start("drain", directory)];
    await until(() => two.some(({ lines }) => lines().length > 100), "a drainer prints");
    await Promise.all(two.map((process) => process.kill()));
    seen.push(...two.flatMap(({ lines }) => lines()));
  }
  await adder.kill();
  const rest = await drainAll(directory);
  const [run, ...said] = adder.lines();
  const got = new Set([...seen, ...rest].map((row) => Number(row.split(":")[1])));
  const last = Number(said.at(-1));
  for (let seq = 1; seq <= last; seq += 1) assert.ok(got.has(seq), `${run}:${seq} is gone`);
});

test("the right to drain stays with a stopped process, and goes with a killed one", async () => {
  const directory = fresh();
  const adder = start("add", directory);
  await until(() => adder.lines().length > 2, "rows");
  await adder.kill();
  const holder = start("hold", directory);
  await until(() => holder.lines()[0] === "held", "the right is taken");
  holder.child.kill("SIGSTOP");
  const second = start("hold", directory);
  await until(() => second.lines().length > 0, "an answer");
  assert.deepEqual(second.lines(), ["refused"]);
  await second.kill();
  await using spool = openSqliteSpool({ directory, mostBytes: 2 ** 20 });
  assert.equal(await spool.drain(), undefined);
  await holder.kill();
  await using drain = await spool.drain();
  assert.ok(drain, "the kernel took the lock back");
});
