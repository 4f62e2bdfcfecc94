// Which server a key is written to: the connections behind the Redis transport, opened where needed.
import type { RedisConnection } from "./redis-connection.ts";
import type { Endpoint } from "./socket.ts";

/** What a write is for: the same key goes to the same server, and with several servers the same run does. */
export interface Owner {
  readonly key: string;
  readonly run: string;
}

export type Operation<T> = (connection: RedisConnection) => Promise<T>;

/** One arrangement of servers: a single one, several, Sentinels with their master, a cluster. */
export interface RedisServers {
  /** Runs an operation on a connection to the server that owns the key. */
  on<T>(owner: Owner, signal: AbortSignal, operation: Operation<T>): Promise<T>;
  /** Resets every connection; the next operation opens anew. */
  destroy(): void;
}

/** Rejects with a TransportError, or with the signal's reason. */
export type OpenRedis = (endpoint: Endpoint, signal: AbortSignal) => Promise<RedisConnection>;

/** A connection that is opened when it is asked for and there is none. */
export interface LazyConnection {
  /** The one there is. */
  readonly now: RedisConnection | undefined;
  get(signal: AbortSignal): Promise<RedisConnection>;
  destroy(): void;
}

export function createLazyConnection(
  open: (signal: AbortSignal) => Promise<RedisConnection>,
): LazyConnection {
  let connection: RedisConnection | undefined;
  let opening: Promise<RedisConnection> | undefined;
  return {
    get now() {
      return connection?.closed === false ? connection : undefined;
    },
    async get(signal) {
      if (connection?.closed === false) return connection;
      opening ??= open(signal).finally(() => (opening = undefined));
      return (connection = await opening);
    },
    destroy() {
      connection?.destroy();
      connection = undefined;
    },
  };
}

export function createSingleServer(endpoint: Endpoint, open: OpenRedis): RedisServers {
  const connection = createLazyConnection((signal) => open(endpoint, signal));
  return {
    on: async (_, signal, operation) => operation(await connection.get(signal)),
    destroy: () => connection.destroy(),
  };
}

/** Questions to a new connection: it is destroyed where they fail or the signal aborts. */
export async function during<T>(
  connection: RedisConnection,
  signal: AbortSignal,
  ask: () => Promise<T>,
): Promise<T> {
  const destroy = () => connection.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  try {
    return await ask();
  } catch (error) {
    destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}
