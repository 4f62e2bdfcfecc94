// Which server a key is written to: the connections behind the Redis transport, opened where needed.
import type { RedisConnection } from "./redis-connection.ts";
import type { Endpoint } from "./socket.ts";

/** What a write is for: the same key goes to the same server, and with several servers the same run does. */
export interface Owner {
  readonly key: string;
  readonly run: string;
}

/** One arrangement of servers: a single one, several, Sentinels with their master, a cluster. */
export interface RedisServers {
  /** Runs an operation on a connection to the server that owns the key. */
  on<T>(
    owner: Owner,
    signal: AbortSignal,
    operation: (connection: RedisConnection) => Promise<T>,
  ): Promise<T>;
  /** Resets every connection; the next operation opens anew. */
  destroy(): void;
}

/** Rejects with a TransportError, or with the signal's reason. */
export type OpenRedis = (endpoint: Endpoint, signal: AbortSignal) => Promise<RedisConnection>;

export function createSingleServer(endpoint: Endpoint, open: OpenRedis): RedisServers {
  let connection: RedisConnection | undefined;
  return {
    async on(_, signal, operation) {
      if (connection?.closed !== false) connection = await open(endpoint, signal);
      return operation(connection);
    },
    destroy() {
      connection?.destroy();
      connection = undefined;
    },
  };
}
