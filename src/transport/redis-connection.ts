// One connection to one Redis server, through ioredis, which here neither retries, queues nor resends anything.
import type { RedisOptions } from "ioredis";
import { formatAddress } from "./address.ts";
import {
  openSocket,
  type Endpoint,
  type OpenSocket,
  peerCertificate,
  type PeerCertificate,
} from "./socket.ts";
import type { TlsMaterial } from "./tls.ts";
import { TransportError } from "./transport.ts";

export interface RedisLogin {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number;
}

export interface RedisConnection {
  /** `host:port` or the socket's path. */
  readonly place: string;
  readonly endpoint: Endpoint;
  readonly closed: boolean;
  /** Whether the server has answered anything on it yet. */
  readonly answered: boolean;
  readonly certificate: PeerCertificate | undefined;
  /** Sends a command at once; rejects with Redis' own error, or the socket's. */
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** One variadic RPUSH; resolves with the list's length. */
  push(key: string, bodies: readonly string[]): Promise<number>;
  onMessage(listener: (channel: string, message: string) => void): void;
  onClose(listener: () => void): void;
  /** Ends it with a reset; what is under way rejects. */
  destroy(): void;
}

/** Rejects with the error of the socket, of Redis (AUTH, SELECT), or with the signal's reason. */
export async function openRedisConnection(
  endpoint: Endpoint,
  { tls, login = {}, signal }: { tls?: TlsMaterial | undefined; login?: RedisLogin; signal: AbortSignal },
): Promise<RedisConnection> {
  const { Redis: Client } = await import("ioredis");
  const socket = await openSocket(endpoint, { tls, signal });
  const redis = new Client(quietOptions(socket));
  let failure: Error | undefined;
  let closed = false;
  let answered = false;
  socket.stream.on("error", (error) => (failure ??= error));
  socket.stream.once("close", () => (closed = true));
  redis.on("error", (error: Error) => (failure ??= error));

  const connection: RedisConnection = {
    place: "path" in endpoint ? endpoint.path : formatAddress(endpoint),
    endpoint,
    get closed() {
      return closed || redis.status !== "ready";
    },
    certificate: peerCertificate(socket.stream),
    get answered() {
      return answered;
    },
    async call(command, ...args) {
      try {
        const reply = await redis.call(command, ...args);
        answered = true;
        return reply;
      } catch (error) {
        throw cause(error as Error);
      }
    },
    async push(key, bodies) {
      let length: unknown;
      try {
        length = await redis.rpush(key, ...bodies);
        answered = true;
      } catch (error) {
        throw cause(error as Error);
      }
      if (typeof length === "number" && length >= bodies.length) return length;
      throw new TransportError(
        "unavailable",
        `Redis at ${connection.place} answered RPUSH of ${bodies.length} with ${JSON.stringify(length)}, which is no length of a list that holds them: what answers there is no Redis, or a proxy that hides one`,
      );
    },
    onMessage(listener) {
      redis.on("message", listener);
    },
    onClose(listener) {
      if (closed) listener();
      else socket.stream.once("close", listener);
    },
    destroy() {
      closed = true;
      socket.reset();
      redis.disconnect();
    },
  };

  /** ioredis says only that the connection is closed; the socket knows why. */
  function cause(error: Error): Error {
    if (error.name === "ReplyError") return error;
    return (
      failure ?? Object.assign(new Error("closed the connection", { cause: error }), { code: "ECLOSED" })
    );
  }

  const abort = () => connection.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await redis.connect();
    await logIn(connection, login);
  } catch (error) {
    connection.destroy();
    throw signal.aborted ? signal.reason : cause(error as Error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return connection;
}

/** RESP 2 and no handshake of ioredis' own: it would hide a failed SELECT and print warnings about AUTH. */
function quietOptions(socket: OpenSocket): RedisOptions & { replyMapping: "legacy" } {
  class GivenSocket {
    connect() {
      return Promise.resolve(socket.stream);
    }
    disconnect() {
      socket.stream.destroy();
    }
    check() {
      return true;
    }
  }
  return {
    Connector: GivenSocket as unknown as NonNullable<RedisOptions["Connector"]>,
    lazyConnect: true,
    protocol: 2,
    replyMapping: "legacy",
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: null,
  };
}

async function logIn(connection: RedisConnection, { username, password, db = 0 }: RedisLogin): Promise<void> {
  if (password !== undefined) {
    const words = username === undefined ? [password] : [username, password];
    await connection.call("AUTH", ...words).catch((error: Error) => {
      // A server without password takes us as we are.
      if (!/no password is set|without any password configured/.test(error.message)) throw error;
    });
  }
  if (db !== 0) await connection.call("SELECT", db);
}
