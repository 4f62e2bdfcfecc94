// A process that uses a spool, to be killed or stopped by a test: spool-process.ts add|drain|hold DIRECTORY
//   add: adds rows for ever, and prints the last seq of each batch once it is committed
//   drain: removes rows for ever, a few at a time, and prints RUN:SEQ of each before it is removed
//   hold: takes the right to drain, prints "held" and keeps it
import { writeSync } from "node:fs";
import { openSqliteSpool } from "../../src/spool/sqlite.ts";
import { makeRun } from "../contract/spool.ts";

// Whoever reads us is gone.
process.stdin.on("end", () => process.exit()).resume();
const [verb, directory] = process.argv.slice(2);
const spool = openSqliteSpool({ directory: directory!, mostBytes: 2 ** 28 });
/** A full pipe is waited for: what was said must be heard. */
function say(line: string) {
  for (;;) {
    try {
      return void writeSync(1, `${line}\n`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

if (verb === "add") {
  const { run, many } = makeRun();
  say(run);
  for (let round = 0; ; round += 1) {
    const rows = many(1 + (round % 40));
    await spool.add(rows);
    say(`${rows.at(-1)!.seq}`);
  }
} else if (verb === "drain") {
  for (;;) {
    await using drain = await spool.drain();
    const rows = (await drain?.next({ count: 17, bytes: 2 ** 20 })) ?? [];
    for (const { run, seq } of rows) say(`${run}:${seq}`);
    await drain?.remove(rows);
  }
} else {
  await using drain = await spool.drain();
  say(drain ? "held" : "refused");
  await new Promise(() => {});
}
