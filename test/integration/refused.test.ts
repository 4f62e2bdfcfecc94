// A spool that fills up refuses repeats and takes changes; what it refused is told when the broker is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPanpan, whyNoDisk } from "../servers/panpan.ts";
import { startRedis } from "../servers/redis.ts";
import { eventually, freePort } from "../servers/server.ts";

interface Told {
  readonly tags: readonly string[];
  readonly cuir: { readonly lost?: number; readonly programs?: Readonly<Record<string, number>> };
  readonly moustash: { readonly seq: number };
}

test(
  "repeats are refused while the spool is nearly full, counted, and told later",
  { skip: await whyNoDisk() },
  async () => {
    const port = await freePort();
    await using home = await openPanpan();
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const cuir = home.start(process.execPath, ["--disable-warning=ExperimentalWarning", main, "cuir"], {
      env: {
        MOUSTASH_REDIS_PORT: port,
        MOUSTASH_SPOOL_MAX_BYTES: "12KB",
        CUIR_PROBES: `closed: 127.0.0.1:${await freePort()}:nobody`,
        CUIR_INTERVAL: "100ms",
        CUIR_TIMEOUT: "100ms",
        CUIR_EMIT: "all",
      },
    });
    try {
      await eventually(() => cuir.stderr().includes("repeats are refused"), { what: "a refusal" });
      const changes = await home.panpan(["people are still heard", "p", "s", "True"], {
        env: { MOUSTASH_REDIS_PORT: port, MOUSTASH_SPOOL_MAX_BYTES: "12KB" },
      });
      assert.equal(changes.code, 0, changes.stderr);
      await using redis = await startRedis({ port });
      const events = async () =>
        (await redis.list("logstash:moustash")).map((body) => JSON.parse(body) as Told);
      const lost = await eventually(async () => (await events()).find(({ tags }) => tags.includes("lost")), {
        what: "the report of what was refused",
      });
      assert.ok(lost.cuir.lost! > 0);
      assert.deepEqual(lost.cuir.programs, { closed: lost.cuir.lost });
      cuir.kill("SIGTERM");
      assert.equal((await cuir.ended).code, 0);
    } finally {
      cuir.kill("SIGKILL");
    }
  },
);
