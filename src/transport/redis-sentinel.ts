// Redis behind Sentinels: they know the master, and say when another one is.
//
// Invariant: nothing is written to a server that does not call itself a master when we connect (ROLE), nor to one
// that a Sentinel has since announced as replaced. Source: "Guidelines for Redis clients with support for Sentinel".
import { type Address, formatAddress } from "./address.ts";
import { attempt } from "./attempt.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { isReply, toRedisError } from "./redis-errors.ts";
import { createLazyConnection, during, type OpenRedis, type RedisServers } from "./redis-servers.ts";
import { TransportError } from "./transport.ts";

export interface SentinelOptions {
  readonly sentinels: readonly Address[];
  /** What the Sentinels call the master. */
  readonly name: string;
  /** Ours at the Sentinels. */
  readonly username?: string | undefined;
  readonly openSentinel: OpenRedis;
  readonly open: OpenRedis;
}

export function createSentinelServers({
  sentinels,
  name,
  username,
  openSentinel,
  open,
}: SentinelOptions): RedisServers {
  let order = [...sentinels];
  const watchers = new Set<RedisConnection>();
  const master = createLazyConnection(connectMaster);

  async function connectMaster(signal: AbortSignal): Promise<RedisConnection> {
    const errors: unknown[] = [];
    for (const sentinel of order) {
      try {
        const what = `Sentinel at ${formatAddress(sentinel)}`;
        const address = await attempt(what, signal, (soon) => askSentinel(sentinel, soon));
        const connection = await attempt(
          `Redis at ${formatAddress(address)} (the master by ${what})`,
          signal,
          (soon) => openMaster(address, soon),
        );
        order = [sentinel, ...order.filter((other) => other !== sentinel)];
        void watchAll(connection);
        return connection;
      } catch (error) {
        signal.throwIfAborted();
        errors.push(error);
      }
    }
    throw (
      errors.find((error) => error instanceof TransportError && error.code !== "unavailable") ?? errors[0]
    );
  }

  async function askSentinel(sentinel: Address, signal: AbortSignal): Promise<Address> {
    const connection = await openSentinel(sentinel, signal);
    const address = await during(connection, signal, async () => {
      const words = ["GET-MASTER-ADDR-BY-NAME", name] as const;
      const reply = (await connection.call("SENTINEL", ...words).catch((error: unknown) => {
        if (!isReply(error)) throw error;
        throw toRedisError(error, { product: "Sentinel", place: connection.place, username });
      })) as string[] | null;
      if (reply !== null) return { host: reply[0]!, port: Number(reply[1]) };
      throw unknownName(sentinel, name, await connection.call("SENTINEL", "MASTERS").catch(() => []));
    });
    connection.destroy();
    return address;
  }

  async function openMaster(address: Address, signal: AbortSignal): Promise<RedisConnection> {
    const connection = await open(address, signal);
    const role = await during(connection, signal, () => roleOf(connection));
    // Without the right to ask, a replica's READONLY must do.
    if (role === "master" || role === undefined) return connection;
    connection.destroy();
    throw new TransportError(
      "unavailable",
      `Redis at ${connection.place} is a ${role === "slave" ? "replica" : role} and not the master of ${name}: a fail-over is under way`,
    );
  }

  /** Each Sentinel that can be had tells of a switch while the connection lives. */
  async function watchAll(connection: RedisConnection): Promise<void> {
    const mine: RedisConnection[] = [];
    let over = false;
    connection.onClose(() => {
      over = true;
      for (const watcher of mine) stopWatching(watcher);
    });
    await Promise.allSettled(
      sentinels.map(async (sentinel) => {
        const watcher = await openSentinel(sentinel, AbortSignal.timeout(5000));
        watchers.add(watcher);
        mine.push(watcher);
        if (over) return stopWatching(watcher);
        watcher.onMessage((_, message) => {
          if (message.split(" ", 1)[0] === name) connection.destroy();
        });
        watcher.onClose(() => watchers.delete(watcher));
        await watcher.call("subscribe", "+switch-master");
      }),
    );
  }

  function stopWatching(watcher: RedisConnection) {
    watchers.delete(watcher);
    watcher.destroy();
  }

  return {
    on: async (_, signal, operation) => operation(await master.get(signal)),
    destroy() {
      master.destroy();
      for (const watcher of watchers) stopWatching(watcher);
    },
  };
}

/** Undefined where we may not ask. */
async function roleOf(connection: RedisConnection): Promise<string | undefined> {
  try {
    return ((await connection.call("ROLE")) as string[])[0];
  } catch (error) {
    if (isReply(error)) return undefined;
    throw error;
  }
}

function unknownName(sentinel: Address, name: string, masters: unknown): TransportError {
  const names = (masters as string[][]).map((fields) => fields[fields.indexOf("name") + 1]);
  const known = names.length > 0 ? `it watches ${names.join(", ")}` : "it watches none";
  return new TransportError(
    "misconfigured",
    `Sentinel at ${formatAddress(sentinel)} knows no master called ${name} (${known}): look at redis_sentinel_name`,
  );
}
