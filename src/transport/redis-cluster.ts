// A Redis Cluster: each key has one owner at a time, and every node says who.
//
// A redirection (MOVED, ASK) means that nothing was written, so following it repeats nothing and keeps the order.
// Source: "Redis cluster specification", redirection and resharding.
import { type Address, formatAddress } from "./address.ts";
import { attempt } from "./attempt.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { isReply, replyWord } from "./redis-errors.ts";
import {
  createLazyConnection,
  during,
  type LazyConnection,
  type OpenRedis,
  type RedisServers,
} from "./redis-servers.ts";
import { TransportError } from "./transport.ts";

/** More in a row is a cluster that disagrees with itself. */
const mostRedirections = 8;
/** Keys whose owner is remembered. */
const mostOwners = 10_000;

export function createClusterServers(seeds: readonly Address[], open: OpenRedis): RedisServers {
  const nodes = new Map<string, { address: Address; connection: LazyConnection }>();
  const owners = new Map<string, Address>();
  for (const seed of seeds) nodeAt(seed);

  function nodeAt(address: Address) {
    const place = formatAddress(address);
    const node = nodes.get(place) ?? {
      address,
      connection: createLazyConnection(async (signal) => {
        const connection = await open(address, signal);
        await during(connection, signal, () => learnNodes(connection, address));
        return connection;
      }),
    };
    nodes.set(place, node);
    return node;
  }

  async function learnNodes(connection: RedisConnection, from: Address): Promise<void> {
    try {
      const slots = (await connection.call("CLUSTER", "SLOTS")) as [number, number, ...[string, number][]][];
      for (const [, , ...replicas] of slots)
        for (const [host, port] of replicas) nodeAt({ host: hostOr(host, from), port });
    } catch (error) {
      // Without the right to ask, the nodes that are named and the redirections must do.
      if (!isReply(error) || !error.message.startsWith("NOPERM")) throw error;
    }
  }

  async function connect(address: Address, signal: AbortSignal): Promise<RedisConnection> {
    const { connection } = nodeAt(address);
    const what = `Redis at ${formatAddress(address)} (a node of the cluster)`;
    return connection.now ?? (await attempt(what, signal, (soon) => connection.get(soon)));
  }

  /** The node that is thought to own the key, else any that answers: it will tell. */
  async function connectOwner(key: string, signal: AbortSignal): Promise<RedisConnection> {
    const errors: unknown[] = [];
    const owner = owners.get(key);
    const others = [...nodes.values()].map(({ address }) => address);
    for (const address of owner ? [owner, ...others] : others) {
      try {
        return await connect(address, signal);
      } catch (error) {
        signal.throwIfAborted();
        owners.delete(key);
        errors.push(error);
      }
    }
    throw errors[0];
  }

  return {
    async on({ key }, signal, operation) {
      let connection = await connectOwner(key, signal);
      let at = connection;
      for (let redirections = 0; ; redirections += 1) {
        try {
          return await operation(at);
        } catch (error) {
          const to = parseRedirection(error, connection);
          if (to === undefined) {
            if (connection.closed) owners.delete(key);
            throw error;
          }
          if (redirections === mostRedirections)
            throw new TransportError(
              "unavailable",
              `the cluster's nodes do not agree on who owns the key ${key} (${(error as Error).message})`,
            );
          connection = await connect(to.address, signal);
          at = to.once ? asking(connection) : connection;
          if (!to.once) {
            if (owners.size >= mostOwners) owners.clear();
            owners.set(key, to.address);
          }
        }
      }
    },
    destroy() {
      for (const { connection } of nodes.values()) connection.destroy();
    },
  };
}

interface Redirection {
  readonly address: Address;
  /** ASK: for this command alone. */
  readonly once: boolean;
}

/** `MOVED 3999 127.0.0.1:6381`, `ASK 3999 [::1]:6381`, `MOVED 3999 :6381` (the same host). */
function parseRedirection(error: unknown, { endpoint }: RedisConnection): Redirection | undefined {
  if (!isReply(error) || "path" in endpoint) return undefined;
  const word = replyWord(error);
  if (word !== "MOVED" && word !== "ASK") return undefined;
  const place = error.message.split(" ")[2] ?? "";
  const colon = place.lastIndexOf(":");
  const host = place.slice(0, colon).replace(/^\[|\]$/g, "");
  return {
    address: { host: hostOr(host, endpoint), port: Number(place.slice(colon + 1)) },
    once: word === "ASK",
  };
}

/** A node that does not know its own address leaves it out. */
function hostOr(host: string | null, from: Address): string {
  return host === null || host === "" || host === "?" ? from.host : host;
}

/** The same connection, on which each command is preceded by ASKING. */
function asking(connection: RedisConnection): RedisConnection {
  const ask = () => void connection.call("ASKING").catch(() => {});
  return {
    ...connection,
    get closed() {
      return connection.closed;
    },
    get answered() {
      return connection.answered;
    },
    call(...words) {
      if (words[0] !== "WAIT" && words[0] !== "WAITAOF") ask();
      return connection.call(...words);
    },
    push(...words) {
      ask();
      return connection.push(...words);
    },
  };
}
