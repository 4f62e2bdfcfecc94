// Where relays connect: unix sockets and loopback TCP, each connection one conversation with one supervisord.
import type { Server, Socket } from "node:net";
import { MoustashError, exitCodes } from "../errors.ts";
import { ProtocolError } from "./protocol.ts";
import type { Listening } from "./settings.ts";
import type { Log } from "./way.ts";

export interface SocketOptions {
  readonly listenings: readonly Listening[];
  readonly mode: number;
  /** Name or number. */
  readonly group: string | undefined;
  readonly beyondLoopback: boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Resolves when the conversation is over; `name` is that of the socket. */
  serve(socket: Socket, name: string): Promise<void>;
}

/** A socket cannot be listened on; `message` says why and what to do. */
export class ListenError extends MoustashError {
  declare readonly code: "listen_taken" | "listen_unsafe" | "listen_failed";
}

const mostConnections = 256;
/** A relay that sends garbage is started again at once by supervisord: it is held, so that it does not spin. */
const penaltyMs = 5000;
/** sun_path of sockaddr_un(7), without its closing zero. */
const mostPathBytes = 107;

/** Resolves when `signal` aborts: nobody new can connect then, and what is open ends with its last answer. */
export async function openSockets(options: SocketOptions): Promise<void> {
  const { listenings, signal, log } = options;
  const servers: Server[] = [];
  const conversations = new Set<Promise<void>>();
  try {
    for (const listening of listenings) {
      servers.push(await openSocket(listening, options, conversations));
      log.info({ socket: showListening(listening) }, "listening for supervisord's relays");
    }
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  } finally {
    // The file of a unix socket goes with it.
    for (const server of servers) server.close();
    // What was taken is still reported, and answered.
    await Promise.all(conversations);
  }
}

export const showListening = (listening: Listening): string =>
  listening.kind === "unix" ? listening.path : `${listening.host}:${listening.port}`;

async function openSocket(
  listening: Listening,
  options: SocketOptions,
  conversations: Set<Promise<void>>,
): Promise<Server> {
  const { createServer } = await import("node:net");
  const name = showListening(listening);
  const { signal, log } = options;
  const server = createServer((socket) => {
    const conversation = converse(socket);
    conversations.add(conversation);
    void conversation.finally(() => conversations.delete(conversation));
  });
  server.maxConnections = mostConnections;

  async function converse(socket: Socket) {
    socket.on("error", () => {});
    try {
      await options.serve(socket, name);
    } catch (error) {
      if (!(error instanceof ProtocolError)) log.error({ error, socket: name }, "a conversation broke off");
      else {
        log.warn({ socket: name }, `${error.message}; its connection is closed in ${penaltyMs / 1000} s`);
        socket.resume();
        await new Promise((resolve) => {
          setTimeout(resolve, penaltyMs);
          socket.once("close", resolve);
          signal.addEventListener("abort", resolve, { once: true });
        });
      }
      socket.destroy();
    }
  }

  if (listening.kind === "tcp") {
    if (!options.beyondLoopback && !isLoopback(listening.host)) {
      throw new ListenError(
        "listen_unsafe",
        exitCodes.configuration,
        `listen: ${name} is not a loopback address, and whoever reaches it can write events: use 127.0.0.1 or a ` +
          "unix socket, or set listen_beyond_loopback = on",
      );
    }
    await bind(server, { host: listening.host, port: listening.port }, name);
  } else await bindUnix(server, listening.path, options);
  return server;
}

async function bindUnix(server: Server, path: string, { mode, group }: SocketOptions) {
  const { access, chmod, chown, unlink } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  if (Buffer.byteLength(path) > mostPathBytes) {
    const why = `longer than the ${mostPathBytes} bytes that a socket's path may have`;
    throw new ListenError("listen_failed", exitCodes.configuration, `listen: ${path} is ${why}`);
  }
  // bind() says EACCES for a folder that is not there.
  await access(dirname(path)).catch((cause: unknown) => {
    const remedy = "mount the volume that supervisord's container shares";
    const message = `listen: ${path}: its directory does not exist, or is closed to us: ${remedy}`;
    throw new ListenError("listen_failed", exitCodes.configuration, message, { cause });
  });
  // The file appears with its final mode: nobody slips in before chmod.
  const umask = process.umask(0o777 & ~mode);
  try {
    await bind(server, { path }, path).catch(async (error: unknown) => {
      if (!(error instanceof ListenError) || error.code !== "listen_taken") throw error;
      if (await answers(path)) throw error;
      // Left by a Fouet that was killed.
      await unlink(path);
      await bind(server, { path }, path);
    });
  } finally {
    process.umask(umask);
  }
  await chmod(path, mode);
  if (group === undefined) return;
  const gid = await groupId(group);
  await chown(path, process.getuid!(), gid).catch((cause: unknown) => {
    const us = `uid ${process.getuid!()}, groups ${process.getgroups!().join(", ")}`;
    throw new ListenError(
      "listen_failed",
      exitCodes.configuration,
      `socket_group: ${path} cannot be given to group ${group} (we are ${us}): run us with that group (group_add, fsGroup)`,
      { cause },
    );
  });
}

function bind(
  server: Server,
  where: { path: string } | { host: string; port: number },
  name: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(bindError(cause, name));
    server.once("error", fail);
    server.listen(where, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function bindError(cause: NodeJS.ErrnoException, name: string): ListenError {
  if (cause.code === "EADDRINUSE") {
    const message = `listen: somebody else listens on ${name}: end the other, or give this one a socket of its own`;
    return new ListenError("listen_taken", exitCodes.unavailable, message, { cause });
  }
  const us = `uid ${process.getuid!()}, gid ${process.getgid!()}`;
  const why =
    cause.code === "EACCES" || cause.code === "EPERM"
      ? `permission denied (we are ${us}): give us its directory`
      : cause.message;
  return new ListenError("listen_failed", exitCodes.configuration, `listen: ${name}: ${why}`, { cause });
}

async function answers(path: string): Promise<boolean> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** group(5) by hand: Node has no getgrnam. */
async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const { readFile } = await import("node:fs/promises");
  const lines = (await readFile("/etc/group", "utf8").catch(() => "")).split("\n");
  const gid = lines.map((line) => line.split(":")).find(([name]) => name === group)?.[2];
  if (gid !== undefined) return Number(gid);
  throw new ListenError(
    "listen_failed",
    exitCodes.configuration,
    `socket_group: there is no group ${group} in /etc/group here: give its number`,
  );
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
