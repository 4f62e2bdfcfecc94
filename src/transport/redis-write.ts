// One write to Redis: RPUSH, and behind it on the same connection what redis_wait asks for.
//
// A wait that is in vain leaves the events there, and each further try would add them again: on a new connection it is
// asked first whether the wait can be met at all.
import type { RedisConnection } from "./redis-connection.ts";
import { isReply } from "./redis-errors.ts";
import { mayNotAsk } from "./redis-poison.ts";
import type { RedisWait } from "./settings.ts";
import { TransportError } from "./transport.ts";

export interface WriteOptions {
  readonly wait: RedisWait;
  /** For WAIT and WAITAOF. */
  readonly waitMs: number;
}

/** Resolves with the list's length; rejects with Redis' error, or a TransportError where the wait was in vain. */
export async function writeList(
  connection: RedisConnection,
  key: string,
  bodies: readonly string[],
  { wait, waitMs }: WriteOptions,
): Promise<number> {
  if (wait.for === "nothing") return connection.push(key, bodies);
  const patienceMs = Math.max(1, Math.floor(waitMs));
  const words = wait.for === "aof" ? ["WAITAOF", 1, 0, patienceMs] : ["WAIT", wait.count, patienceMs];
  const [pushed, waited] = await Promise.allSettled([
    connection.push(key, bodies),
    connection.call(words[0] as string, ...words.slice(1)),
  ]);
  if (pushed.status === "rejected") throw pushed.reason;
  if (waited.status === "rejected") throw await explainWait(waited.reason, connection, wait);
  const done = Number(Array.isArray(waited.value) ? waited.value[0] : waited.value);
  const wanted = wait.for === "replicas" ? wait.count : 1;
  if (done < wanted) throw notWaited(connection, wait, done);
  return pushed.value;
}

/** How long ago a replica may have been heard; it tells what it has once a second. */
const mostLagS = 5;
const lookAgainMs = 200;

/** Rejects with a TransportError where what redis_wait asks for cannot be had in time, or never. */
export async function checkWait(connection: RedisConnection, { wait, waitMs }: WriteOptions): Promise<void> {
  if (wait.for === "nothing") return;
  try {
    if (wait.for === "aof") await connection.call("WAITAOF", 1, 0, 1);
    else await findReplicas(connection, { wait, waitMs });
  } catch (error) {
    if (wait.for === "replicas" && isReply(error) && mayNotAsk(error)) return;
    throw await explainWait(error, connection, wait);
  }
}

async function findReplicas(
  connection: RedisConnection,
  { wait, waitMs }: { wait: RedisWait & { for: "replicas" }; waitMs: number },
): Promise<void> {
  const endsAtMs = performance.now() + waitMs;
  for (;;) {
    const info = String(await connection.call("INFO", "replication"));
    // A replica itself says better why it takes nothing.
    if (!/^role:master/m.test(info)) return;
    const online = [...info.matchAll(/^slave\d+:.*\bstate=online\b.*\blag=(\d+)/gm)];
    const there = online.filter(([, lag]) => Number(lag) <= mostLagS).length;
    if (there >= wait.count) return;
    if (performance.now() + lookAgainMs > endsAtMs) throw notWaited(connection, wait, there);
    await new Promise((resolve) => void setTimeout(resolve, lookAgainMs));
  }
}

function notWaited({ place }: RedisConnection, wait: RedisWait, done: number): TransportError {
  const what =
    wait.for === "replicas"
      ? `only ${done} of ${wait.count} replicas have the events (redis_wait = replicas:${wait.count}): look at INFO replication there`
      : "the events are not on its disk yet (redis_wait = aof): look at appendfsync and the disk there";
  return new TransportError("unavailable", `Redis at ${place}: ${what}`);
}

async function explainWait(error: unknown, connection: RedisConnection, wait: RedisWait): Promise<unknown> {
  if (!isReply(error)) return error;
  const { place } = connection;
  if (/appendonly is disabled/i.test(error.message))
    return new TransportError(
      "misconfigured",
      `Redis at ${place} writes no append-only file, so redis_wait = aof can never be true: set appendonly yes there, or redis_wait = none`,
      { cause: error },
    );
  if (!/unknown command/i.test(error.message)) return error;
  const needed = wait.for === "aof" ? "7.2" : "3.0";
  const version = await serverVersion(connection);
  return new TransportError(
    "misconfigured",
    `Redis at ${place} is ${version}, and redis_wait = ${wait.for} needs ${needed} or newer`,
    { cause: error },
  );
}

/** `Redis 7.0.15`, `Valkey 8.1.1`, or words where INFO is not permitted. */
export async function serverVersion(connection: RedisConnection): Promise<string> {
  try {
    const info = String(await connection.call("INFO", "server"));
    const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
    return valkey ? `Valkey ${valkey}` : `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1]}`;
  } catch {
    return "of a version it does not tell";
  }
}
