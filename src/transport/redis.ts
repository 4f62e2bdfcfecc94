// The Redis transport: one variadic RPUSH for a batch, to one server or to an arrangement of several.
//
// Invariants, beside those of every transport:
// - Of one key, one RPUSH is under way at a time: a refused one is never overtaken by the next.
// - redis_wait is asked for on the connection that wrote, right behind the write; on another it may tell lies.
import { createAcknowledged } from "../acknowledged.ts";
import { isInContainer } from "./container.ts";
import { isTlsSilence, toNetworkError } from "./network-errors.ts";
import { describeRedis, openRedis, type RedisAccess, redisAccess, redisNames } from "./redis-access.ts";
import { groupByKey, splitBatch, type Write } from "./redis-batch.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { isRedirection, isReply, toRedisError } from "./redis-errors.ts";
import { reasonForGood, typeOf, wrongType } from "./redis-poison.ts";
import { createClusterServers } from "./redis-cluster.ts";
import { createSentinelServers } from "./redis-sentinel.ts";
import { createSeveralServers } from "./redis-several.ts";
import { createSingleServer, type OpenRedis, type RedisServers } from "./redis-servers.ts";
import { checkWait, writeList } from "./redis-write.ts";
import { refuseRedis } from "./refuse.ts";
import type { RedisValues } from "./settings.ts";
import type { Endpoint } from "./socket.ts";
import { type ConnectOptions, type Sent, type Transport, TransportError } from "./transport.ts";
import { createAlarm } from "../waiting.ts";

type Rejected = Sent["rejected"][number];

/** How long is waited for replicas where nothing is to be sent yet. */
const greetWaitMs = 1000;

export function connectRedis(values: RedisValues, options: ConnectOptions<RedisValues> = {}): Transport {
  const { redis_namespace: template, redis_wait: wait, redis_max_length: mostLength } = values;
  const inContainer = options.inContainer ?? isInContainer();
  const name = describeRedis(values);
  let access = redisAccess(values);
  let opened = false;

  /** Secrets are read anew for each connection but the first: they may have been rotated. */
  async function open(endpoint: Endpoint, signal: AbortSignal): Promise<RedisConnection> {
    if (opened && options.reread) access = redisAccess(await options.reread());
    opened = true;
    return openRedis(endpoint, access, { inContainer, signal });
  }

  const servers = arrange(values, access, open, (endpoint, signal) =>
    openRedis(
      endpoint,
      { tls: access.tls, login: access.sentinelLogin },
      { inContainer, signal, product: "Sentinel" },
    ),
  );
  const acknowledged = createAcknowledged();
  /** Places and keys whose list was shorter than redis_max_length when we last heard of it. */
  const roomy = new Set<string>();
  /** Where redis_wait could be met when we came. */
  const waited = new WeakSet<RedisConnection>();
  const patience = createAlarm();
  /** Serves one send after the other until it aborts: making one for each costs as much as the write. */
  let ending = createEnding();

  function createEnding(): AbortController {
    const controller = new AbortController();
    controller.signal.addEventListener("abort", () => servers.destroy(), { once: true });
    return controller;
  }

  async function send(envelopes: Parameters<Transport["send"]>[0], timeoutMs: number): Promise<Sent> {
    const { signal } = ending;
    const endsAtMs = performance.now() + timeoutMs;
    const late = () =>
      ending.abort(
        new TransportError("unavailable", `${name} did not answer within ${Math.round(timeoutMs)} ms`),
      );
    patience.set(timeoutMs, late);
    const written: Write[] = [];
    try {
      if (envelopes.length === 0) return await greet(signal);
      const rejected: Rejected[] = [];
      let listLength: number | undefined;
      for (const part of splitBatch(acknowledged.without(envelopes))) {
        const writes = groupByKey(part, template, values.redis_balance).map(async (write) => {
          const length = await push(write, rejected, signal, endsAtMs);
          if (length !== undefined) written.push(write);
          return length;
        });
        const lengths = await settleAll(writes);
        listLength = lengths.at(-1) ?? listLength;
      }
      acknowledged.forget(envelopes);
      return { rejected, ...(listLength === undefined ? undefined : { listLength }) };
    } catch (error) {
      servers.destroy();
      for (const write of written) acknowledged.add(write.envelopes);
      if (signal.aborted && !isTlsSilence(error)) throw signal.reason;
      if (error instanceof TransportError) throw error;
      if (isReply(error)) throw toRedisError(error, { place: name });
      throw new TransportError("unavailable", `${name}: ${(error as Error).message}`, { cause: error });
    } finally {
      patience.stop(late);
      if (signal.aborted) ending = createEnding();
    }
  }

  /** Resolves with the list's length, or undefined where the events were rejected. */
  async function push(
    { key, run, envelopes }: Write,
    rejected: Rejected[],
    signal: AbortSignal,
    endsAtMs: number,
  ): Promise<number | undefined> {
    const owner = { key, run };
    // Less than there is, so that Redis' own answer (its clock ticks ten times a second) comes before our end.
    const waitMs = () => (endsAtMs - performance.now()) * 0.9 - 200;
    return servers.on(owner, signal, async (connection) => {
      try {
        if (!waited.has(connection)) await checkConnection(connection, waitMs());
        if (mostLength !== undefined) await checkLength(connection, key, mostLength);
        const bodies = envelopes.map(({ body }) => body);
        const length = await writeList(connection, key, bodies, { wait, waitMs: waitMs() });
        if (mostLength !== undefined && length >= mostLength) roomy.delete(listOf(connection, key));
        return length;
      } catch (error) {
        if (isRedirection(error)) throw error;
        const reopen = () => servers.on(owner, signal, (again) => Promise.resolve(again));
        const reason = await reasonForGood(error, { connection, key, envelopes, reopen });
        if (reason === undefined) throw explain(error, connection, key);
        rejected.push(...envelopes.map((envelope) => ({ envelope, reason })));
        return undefined;
      }
    });
  }

  function explain(error: unknown, { place, endpoint, answered }: RedisConnection, key: string): unknown {
    if (error instanceof TransportError) return error;
    if (isReply(error)) return toRedisError(error, { place, key, username: access.login.username });
    const usesTls = access.tls !== undefined;
    const names = redisNames;
    return toNetworkError(error, {
      product: "Redis",
      endpoint,
      inContainer,
      usesTls,
      established: answered,
      names,
    });
  }

  async function checkConnection(connection: RedisConnection, waitMs: number): Promise<void> {
    await checkWait(connection, { wait, waitMs });
    waited.add(connection);
  }

  const listOf = ({ place }: RedisConnection, key: string) => `${place} ${key}`;

  async function checkLength(connection: RedisConnection, key: string, most: number): Promise<void> {
    const list = listOf(connection, key);
    if (roomy.has(list)) return;
    const length = Number(await connection.call("LLEN", key));
    if (length >= most)
      throw new TransportError(
        "unavailable",
        `Redis at ${connection.place}: the list ${key} holds ${length} events, redis_max_length is ${most}: its reader is away or too slow`,
      );
    roomy.add(list);
  }

  /** Connects, and says at once where events would not be taken: Redis serves us not, or a key of all is no list. */
  async function greet(signal: AbortSignal): Promise<Sent> {
    const key = template;
    await servers.on({ key, run: "" }, signal, async (connection) => {
      try {
        const type = await typeOf(connection, key);
        if (type !== "list" && type !== "none" && type !== undefined)
          throw new TransportError("unavailable", wrongType(connection.place, key, type));
        await checkConnection(connection, greetWaitMs);
      } catch (error) {
        if (isRedirection(error)) throw error;
        throw explain(error, connection, key);
      }
    });
    return { rejected: [] };
  }

  return {
    name,
    send: (envelopes, { timeoutMs }) => send(envelopes, timeoutMs),
    [Symbol.asyncDispose]() {
      ending.abort(new TransportError("unavailable", `${name}: closed by us`));
      return Promise.resolve();
    },
  };
}

function arrange(
  values: RedisValues,
  { endpoints, sentinelLogin: { username } }: RedisAccess,
  open: OpenRedis,
  openSentinel: OpenRedis,
): RedisServers {
  refuseRedis(values);
  const sentinels = values.redis_sentinels?.map(({ host, port = 26_379 }) => ({ host, port }));
  const name = values.redis_sentinel_name;
  if (sentinels && name !== undefined)
    return createSentinelServers({ sentinels, name, username, openSentinel, open });
  const addresses = endpoints.flatMap((endpoint) => ("path" in endpoint ? [] : [endpoint]));
  if (values.redis_cluster) return createClusterServers(addresses, open);
  if (endpoints.length > 1) return createSeveralServers(endpoints, { balance: values.redis_balance }, open);
  return createSingleServer(endpoints[0]!, open);
}

/** All settle before the first error is thrown, so that nothing is under way behind it. */
async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  if (promises.length === 1) return [await promises[0]!];
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
