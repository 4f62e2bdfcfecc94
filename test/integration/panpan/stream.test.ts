// Many lines through one panpan, with the broker killed twice on the way: all arrive, in order, ids unique.
//   MOUSTASH_TEST_LINES=1000000 node --test test/integration/panpan/stream.test.ts
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Event, openPanpan, whyNoDisk } from "../../servers/panpan.ts";
import { type RedisServer, startRedis } from "../../servers/redis.ts";
import { eventually } from "../../servers/server.ts";

const lines = Number(process.env.MOUSTASH_TEST_LINES ?? 60_000);
const key = "logstash:moustash";

test(`${lines} lines, the broker killed twice`, { skip: await whyNoDisk(), timeout: 900_000 }, async (t) => {
  await using redis = await startRedis({ config: ["appendonly yes", "appendfsync always"] });
  await using home = await openPanpan({
    MOUSTASH_REDIS_PORT: redis.port,
    MOUSTASH_REDIS_IP: "127.0.0.1",
    MOUSTASH_SPOOL_MAX_BYTES: "2GB",
  });
  const startedMs = performance.now();
  const running = home.start(join(home.folder, "panpan"), ["-p", "stream", "--json-output"]);
  let written = 0;
  let peakBytes = 0;
  const writing = (async () => {
    while (written < lines) {
      const end = Math.min(written + 500, lines);
      let text = "";
      for (; written < end; written += 1) text += `line ${written + 1}\n`;
      if (!running.stdin.write(text)) await once(running.stdin, "drain");
      if (written % 10_000 === 0) peakBytes = Math.max(peakBytes, residentBytes(running.pid));
    }
    running.stdin.end();
  })();
  for (const part of [0.2, 0.5]) {
    await eventually(() => written >= lines * part, { withinMs: 300_000, what: "lines written" });
    await redis.kill("SIGKILL");
    // It goes on without the broker.
    const before = written;
    await eventually(() => written >= Math.min(before + lines * 0.1, lines), {
      withinMs: 300_000,
      what: "lines spooled",
    });
    await redis.start();
  }
  await writing;
  const ended = await running.ended;
  assert.equal(ended.code, 0, ended.stderr);
  const said = JSON.parse(ended.stdout) as { events: number; spool: number };
  assert.equal(said.events, lines);
  const seconds = (performance.now() - startedMs) / 1000;
  const flushed = await home.panpan(["--flush", "--timeout", "300s"]);
  assert.equal(flushed.code, 0, flushed.stderr);
  t.diagnostic(
    `${Math.round(lines / seconds)} lines/s, ${said.spool} by way of the disk and still there at the end, ${Math.round(peakBytes / 2 ** 20)} MiB`,
  );

  const ids = new Set<string>();
  let copies = 0;
  for await (const event of allIn(redis)) {
    copies += 1;
    if (ids.has(event.moustash.id)) continue;
    ids.add(event.moustash.id);
    assert.equal(event.moustash.seq, ids.size, "first copies are in order");
    assert.equal(event.message, `line ${ids.size}`);
  }
  assert.equal(ids.size, lines);
  assert.ok(copies < lines * 1.2, `${copies} copies`);
  assert.ok(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes of memory`);
});

async function* allIn(redis: RedisServer): AsyncGenerator<Event> {
  const step = 10_000;
  for (let at = 0; ; at += step) {
    const bodies = (await redis.command("LRANGE", key, at, at + step - 1)) as string[];
    for (const body of bodies) yield JSON.parse(body) as Event;
    if (bodies.length < step) return;
  }
}

function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes ?? 0) * 1024;
}
