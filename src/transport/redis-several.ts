// Several independent Redis servers, each with a list and a reader of its own: in turn where one is away, or spread.
import { formatAddress } from "./address.ts";
import { attempt } from "./attempt.ts";
import { createLazyConnection, type OpenRedis, type RedisServers } from "./redis-servers.ts";
import type { Endpoint } from "./socket.ts";

/** How long a server that was away is asked last. */
const awayMs = 10_000;

/**
 * With `balance`, a run goes to the server that its name chooses, and back to it when that was away for a while.
 * Without, all goes to one server until that one is away.
 */
export function createSeveralServers(
  endpoints: readonly Endpoint[],
  { balance }: { balance: boolean },
  open: OpenRedis,
): RedisServers {
  const servers = endpoints.map((endpoint) => ({
    name: `Redis at ${"path" in endpoint ? endpoint.path : formatAddress(endpoint)}`,
    connection: createLazyConnection((signal) => open(endpoint, signal)),
    awayUntilMs: 0,
  }));
  let current = 0;

  /** The one that should have it first, those that were away just now last. */
  function inTurn(run: string) {
    const first = balance ? hash(run) % servers.length : current;
    const order = servers.map((_, index) => servers[(first + index) % servers.length]!);
    const nowMs = performance.now();
    return [
      ...order.filter(({ awayUntilMs }) => awayUntilMs <= nowMs),
      ...order.filter(({ awayUntilMs }) => awayUntilMs > nowMs),
    ];
  }

  return {
    async on({ run }, signal, operation) {
      const errors: unknown[] = [];
      for (const server of inTurn(run)) {
        let connection;
        try {
          connection =
            server.connection.now ??
            (await attempt(server.name, signal, (soon) => server.connection.get(soon)));
        } catch (error) {
          server.awayUntilMs = performance.now() + awayMs;
          signal.throwIfAborted();
          errors.push(error);
          continue;
        }
        current = servers.indexOf(server);
        try {
          const result = await operation(connection);
          server.awayUntilMs = 0;
          return result;
        } catch (error) {
          // The events may be there: only the next send goes elsewhere, when this connection is gone.
          server.awayUntilMs = performance.now() + awayMs;
          throw error;
        }
      }
      throw errors[0];
    },
    destroy() {
      for (const { connection } of servers) connection.destroy();
    },
  };
}

/** FNV-1a: spreads names evenly; nothing secret. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
