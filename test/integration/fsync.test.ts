// A disk whose fsync fails: nothing is accepted that it may not have, what is wrong is said, nothing is half-written.
// The kernel's answer is replaced by strace (fault injection), on the tools as they are.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTold, playSupervisord } from "../faults/clients.ts";
import { tally } from "../faults/tally.ts";
import { eventsIn, openPanpan, whyNoDisk } from "../servers/panpan.ts";
import { startRedis } from "../servers/redis.ts";
import { freePort, temporaryFolder, unlessInstalled } from "../servers/server.ts";

const file = new URL("../../src/main.ts", import.meta.url).pathname;
const skip = unlessInstalled("strace", "strace") || (await whyNoDisk());
const failing = (when: string) => [
  // It steps aside: signals are for the tool.
  "-D",
  "-f",
  "-qq",
  "-o",
  "/dev/null",
  "-e",
  "trace=fsync,fdatasync",
  "-e",
  `inject=fsync,fdatasync:error=EIO:when=${when}`,
];

test(
  "panpan: 74, with the file and the reason; nothing of it is left; the next one works",
  { skip },
  async () => {
    const port = await freePort();
    await using home = await openPanpan({ MOUSTASH_REDIS_PORT: port });
    const onBadDisk = (message: string) =>
      home.start("strace", [...failing("1+"), "panpan", message, "p", "s", "False"]).ended;
    const waiting = async () => {
      const { stdout } = await home.panpan(["--spool-status", "--json-output"]);
      return (JSON.parse(stdout) as { waiting: number }).waiting;
    };
    // Once where the spool is still to be made, once where it is there.
    for (const round of [0, 1]) {
      const bad = await onBadDisk(`bad ${round}`);
      assert.equal(bad.code, 74, bad.stderr);
      assert.match(bad.stderr, /moustash-panpan-.*(I\/O error|EIO)/);
      assert.equal(await waiting(), round);
      const good = await home.panpan([`good ${round}`, "p", "s", "False"]);
      assert.equal(good.code, 0, good.stderr);
      assert.equal(await waiting(), round + 1);
    }
    await using redis = await startRedis({ port });
    assert.equal((await home.panpan(["--flush"])).code, 0);
    assert.deepEqual(
      (await eventsIn(redis)).map(({ message }) => message),
      ["good 0", "good 1"],
    );
  },
);

test("fouet: withholds its answer, says so once, and goes on when the disk does", { skip }, async () => {
  await using folder = await temporaryFolder("moustash-fsync-");
  const port = await freePort();
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const told = createTold();
  const env = {
    MOUSTASH_CONFIG: "none",
    MOUSTASH_REDIS_PORT: `${port}`,
    MOUSTASH_SPOOL: join(folder.path, "spool"),
    FOUET_HTTP: "none",
  };
  const supervisord = playSupervisord({ file, command: ["strace", ...failing("3..8"), ...node], env }, told);
  try {
    const daemon = supervisord.running();
    await delay(100);
    await supervisord.answers(20);
    const errors = daemon
      .stderr()
      .split("\n")
      .filter((line) => line.includes('"level":"error"'));
    assert.equal(errors.length, 1, daemon.stderr());
    assert.match(errors[0]!, /spool.*(I\/O error|EIO)/);
    assert.match(daemon.stderr(), /the spool takes events again/);
    await using redis = await startRedis({ port });
    await supervisord.answers(20);
    assert.equal(supervisord.running(), daemon);
    assert.equal(await supervisord.end(), 0);
    const { lost, disordered } = tally(told.accepted, await redis.list("logstash:moustash"));
    assert.deepEqual({ lost, disordered }, { lost: 0, disordered: 0 });
  } finally {
    await supervisord.end("SIGKILL");
  }
});
