// That the work of one-shots was done: each event is in Redis, once or (after a spooled one) twice, never not.
import type { RedisServer } from "../test/servers/redis.ts";
import { must } from "./benchmark.ts";
import type { Moustash } from "./moustash.ts";
import { time } from "./stopwatch.ts";

export async function mustHaveAll(redis: RedisServer, moustash: Moustash, count: number): Promise<void> {
  const { folder, env } = moustash;
  await time(moustash.command("panpan", "--flush", "--redis-port", String(redis.port)), { folder, env });
  const bodies = await redis.list("logstash:moustash");
  const ids = new Set(bodies.map((body) => (JSON.parse(body) as { moustash: { id: string } }).moustash.id));
  must(ids.size === count, `${ids.size} events of ${count} are in Redis`);
}
