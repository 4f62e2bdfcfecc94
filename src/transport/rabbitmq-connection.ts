// One connection to one RabbitMQ node with one channel in confirm mode, through amqplib.
import type { Socket } from "node:net";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { type Address, formatAddress } from "./address.ts";
import type { RabbitmqAccess } from "./rabbitmq-access.ts";
import { askRefusal } from "./rabbitmq-refusal.ts";
import {
  type OpenSocket,
  openSocket,
  type PeerCertificate,
  peerCertificate,
  resetSocket,
  tlsSilent,
} from "./socket.ts";
import type { TlsMaterial } from "./tls.ts";

export interface RabbitmqConnection {
  readonly place: string;
  readonly channel: ConfirmChannel;
  /** `3.10.8`. */
  readonly version: string;
  readonly closed: boolean;
  readonly certificate: PeerCertificate | undefined;
  /** Why RabbitMQ takes nothing now (`low on memory`), where it said so. */
  readonly blocked: string | undefined;
  /** What ended the connection or the channel; undefined while both live. */
  readonly failure: Error | undefined;
  /** Called when it ends or is blocked, until the function that comes back is called. */
  onTrouble(listener: () => void): () => void;
  /** Ends it with a reset. */
  destroy(): void;
}

/** Rejects with the error of the socket, of amqplib (what RabbitMQ said), or with the signal's reason. */
export async function openRabbitmqConnection(
  address: Address,
  { username, password, vhost }: Pick<RabbitmqAccess, "username" | "password" | "vhost">,
  { tls, signal }: { tls: TlsMaterial | undefined; signal: AbortSignal },
): Promise<RabbitmqConnection> {
  const amqp = await import("amqplib");
  // Below TLS there is the socket that can be reset.
  const raw = tls && (await openSocket(address, { signal }));
  // A socket that is given a signal aborted already connects all the same.
  signal.throwIfAborted();
  // A socket keeps the signal that it is given for life: what bounds the opening must not end the connection.
  const opening = new AbortController();
  const abort = () => {
    raw?.reset();
    opening.abort(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  let model: ChannelModel | undefined;
  try {
    const connecting = amqp.connect(
      {
        protocol: tls ? "amqps" : "amqp",
        hostname: address.host,
        port: address.port,
        username,
        password,
        vhost: encodeURIComponent(vhost),
        heartbeat: 30,
      },
      {
        ...tls,
        ...(raw ? { socket: raw.stream } : { signal: opening.signal }),
        noDelay: true,
        keepAlive: true,
        keepAliveDelay: 30_000,
        clientProperties: { connection_name: "moustash" },
      },
    );
    model = await orAborted(connecting, signal);
    return await openChannel(model, raw, formatAddress(address));
  } catch (error) {
    raw?.reset();
    if ((error as { code?: string }).code !== tlsSilent) signal.throwIfAborted();
    if (!/Expected ConnectionOpenOk; got/.test((error as Error).message)) throw error;
    const words = await askAgain(address, { username, password, vhost }, { tls, signal });
    throw new Error(words ?? (error as Error).message, { cause: error });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** amqplib never hears of the end of a socket whose TLS handshake was under way: it would wait for ever. */
async function orAborted(connecting: Promise<ChannelModel>, signal: AbortSignal): Promise<ChannelModel> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([connecting, aborted]);
  } catch (error) {
    connecting.then(
      ({ connection }) => (connection as unknown as { stream: Socket }).stream.destroy(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function askAgain(
  address: Address,
  login: { username: string; password: string; vhost: string },
  options: { tls: TlsMaterial | undefined; signal: AbortSignal },
): Promise<string | undefined> {
  const socket = await openSocket(address, options);
  const abort = () => socket.reset();
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    return await askRefusal(socket.stream, login);
  } finally {
    options.signal.removeEventListener("abort", abort);
    socket.reset();
  }
}

async function openChannel(
  model: ChannelModel,
  raw: OpenSocket | undefined,
  place: string,
): Promise<RabbitmqConnection> {
  const { stream } = model.connection as unknown as { stream: Socket };
  let failure: Error | undefined;
  let closed = false;
  let destroyed = false;
  let blocked: string | undefined;
  const listeners = new Set<() => void>();
  const trouble = () => {
    for (const listener of listeners) listener();
  };
  // The first error tells most: of a channel what it did wrong, of a connection why it ended.
  const fail = (error: Error) => {
    if (!destroyed) failure ??= error;
  };
  const end = () => {
    closed = true;
    trouble();
  };
  const destroy = () => {
    closed = true;
    destroyed = true;
    if (raw) raw.reset();
    if (raw) stream.destroy();
    else resetSocket(stream);
    // A reset says nothing, and amqplib would go on with its heartbeat.
    stream.emit("error", new Error("closed by us"));
    trouble();
  };
  model.on("error", fail);
  model.on("close", (error?: Error) => {
    if (error) fail(error);
    end();
  });
  model.on("blocked", (reason: string) => {
    blocked = reason;
    trouble();
  });
  model.on("unblocked", () => (blocked = undefined));
  let channel: ConfirmChannel;
  try {
    channel = await model.createConfirmChannel();
  } catch (error) {
    destroy();
    throw failure ?? error;
  }
  channel.on("error", fail);
  channel.on("close", end);
  return {
    place,
    channel,
    certificate: peerCertificate(stream),
    version: model.connection.serverProperties.version,
    get closed() {
      return closed;
    },
    get blocked() {
      return blocked;
    },
    get failure() {
      return failure;
    },
    onTrouble(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    destroy,
  };
}
