// The HTTP server: reads only, few and short connections, and never in the way of what the tool is for.
//
// Invariants:
// - Only GET and HEAD, no route changes anything, nothing is read but the head of a request.
// - A newcomer always gets in: beyond `mostConnections` the connection that is idle longest gives way (slow or silent
//   clients can hold no place; a health check is answered whoever else is there).
// - A long answer is made in slices; the event loop turns between them, so that probes and deliveries have theirs.
// - One long answer is made at a time; those who wait are few, the others get 503. Made, it is sent as slowly as its
//   reader reads: beyond `mostHeldBytes` the reader that is slow longest gives way, with all answers that it asked for.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { HttpAddress } from "./settings.ts";

export interface Reply {
  readonly status?: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<string>;
}

export interface Route {
  /** Whether it is answered without credentials. */
  readonly open?: true;
  answer(query: URLSearchParams): Reply | Promise<Reply>;
}

export interface ServeOptions {
  readonly address: HttpAddress;
  readonly routes: Readonly<Record<string, Route>>;
  readonly isAllowed: (authorization: string | undefined) => boolean;
  /** In every answer: lets `--health` know that it is this tool which answers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly onError: (error: unknown) => void;
}

export interface Serving extends AsyncDisposable {
  readonly port: number;
}

const mostConnections = 128;
const mostHeldBytes = 64 * 2 ** 20;
const mostWaiting = 16;
const headWithinMs = 5000;
const answerWithinMs = 30_000;

const safety = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};

/** Rejects where the address cannot be listened on. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { address, routes, isAllowed, onError } = options;
  const { createServer } = await import("node:http");
  const turn = createTurns();
  const connections = createConnections();

  async function answer(request: IncomingMessage, response: ServerResponse, held: Held) {
    for (const [name, value] of Object.entries({ ...safety, ...options.headers }))
      response.setHeader(name, value);
    const refuse = (status: number, text: string, headers: Record<string, string> = {}) =>
      end(
        response,
        status,
        { "Content-Type": "text/plain; charset=utf-8", Connection: "close", ...headers },
        `${text}\n`,
      );
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(405, "nothing can be changed here: GET and HEAD only", { Allow: "GET, HEAD" });
    const [path = "/", search = ""] = (request.url ?? "/").split("?", 2);
    const route = Object.hasOwn(routes, path) ? routes[path]! : undefined;
    if (!route?.open && !isAllowed(request.headers.authorization))
      return refuse(401, "show http_token, or http_user and http_password", {
        "WWW-Authenticate": 'Basic realm="Moustash", charset="UTF-8"',
      });
    if (route === undefined) return refuse(404, `here are: ${Object.keys(routes).join(" ")}`);
    const reply = await route.answer(new URLSearchParams(search));
    const headers = { "Content-Type": reply.type, "Cache-Control": "no-store", ...reply.headers };
    const { body, status = 200 } = reply;
    if (typeof body === "string") return end(response, status, headers, body);
    const done = await turn.take();
    if (!done) return refuse(503, "busy: try again", { "Retry-After": "1" });
    let bytes: Buffer;
    try {
      // Whoever has left meanwhile is made nothing.
      if (request.socket.destroyed) return;
      bytes = await gather(body);
    } finally {
      done();
    }
    const packed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
    if (packed) bytes = await pack(bytes);
    held.take(bytes.length);
    end(
      response,
      status,
      { ...headers, Vary: "Accept-Encoding", ...(packed && { "Content-Encoding": "gzip" }) },
      bytes,
    );
  }

  const server = createServer(
    {
      headersTimeout: headWithinMs,
      requestTimeout: headWithinMs,
      keepAliveTimeout: headWithinMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 8192,
    },
    (request, response) => {
      const { socket } = request;
      const held = connections.busy(socket);
      const deadline = setTimeout(() => socket.destroy(), answerWithinMs);
      response.once("close", () => {
        clearTimeout(deadline);
        held.end();
      });
      answer(request, response, held).catch((error: unknown) => {
        onError(error);
        if (response.headersSent) socket.destroy();
        else end(response, 500, { Connection: "close" }, "an error of ours: see the log\n");
      });
    },
  );
  server.maxRequestsPerSocket = 1000;
  server.on("connection", (socket) => connections.welcome(socket));
  server.on("clientError", (_error, socket) => socket.destroy());
  await listen(server, address);
  server.on("error", onError);
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** All addresses are `::`, which serves IPv4 too; where this machine has no IPv6, they are `0.0.0.0`. */
async function listen(server: Server, { host, port }: HttpAddress): Promise<void> {
  try {
    await listenOn(server, host, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (host !== "::" || (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL")) throw error;
    await listenOn(server, "0.0.0.0", port);
  }
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 511 }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function end(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer,
): void {
  response.writeHead(status, { ...headers, "Content-Length": String(Buffer.byteLength(body)) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** Makes a long body slice by slice. */
async function gather(body: AsyncIterable<string>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) {
    pieces.push(Buffer.from(piece));
    await nextTurn();
  }
  return Buffer.concat(pieces);
}

async function pack(body: Buffer): Promise<Buffer> {
  const { gzip } = await import("node:zlib");
  return new Promise((resolve, reject) => {
    gzip(body, { level: 1 }, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}

/** One at a time, and few who wait. */
function createTurns() {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  return {
    /** Resolves to what ends the turn; undefined where too many wait already. */
    async take(): Promise<(() => void) | undefined> {
      if (waiting >= mostWaiting) return undefined;
      waiting += 1;
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      await before;
      return () => {
        waiting -= 1;
        resolve();
      };
    },
  };
}

/** One answer, and what its reader has not read of it yet. */
interface Held {
  take(bytes: number): void;
  end(): void;
}

/** Who is connected, in the order of coming or of having become idle, and what they have not read yet. */
function createConnections() {
  const idle = new Set<Socket>();
  /** A client may ask again before it has read (RFC 9112 §9.3.2): so many answers, of so many bytes together. */
  const busy = new Map<Socket, { answers: number; bytes: number }>();
  let heldBytes = 0;

  function forget(socket: Socket) {
    idle.delete(socket);
    heldBytes -= busy.get(socket)?.bytes ?? 0;
    busy.delete(socket);
  }
  function end(socket: Socket) {
    forget(socket);
    socket.destroy();
  }

  return {
    welcome(socket: Socket) {
      if (idle.size + busy.size >= mostConnections) end((idle.size > 0 ? idle : busy).keys().next().value!);
      idle.add(socket);
      socket.once("close", () => forget(socket));
    },
    busy(socket: Socket): Held {
      idle.delete(socket);
      const all = busy.get(socket) ?? { answers: 0, bytes: 0 };
      if (!socket.destroyed) busy.set(socket, all);
      all.answers += 1;
      let held = 0;
      return {
        take(bytes) {
          // Its own reader too, where that has earlier answers to read.
          for (const [slowest, { bytes: unread }] of busy) {
            if (heldBytes + bytes <= mostHeldBytes) break;
            if (unread > 0) end(slowest);
          }
          if (busy.get(socket) !== all) return;
          held = bytes;
          all.bytes += bytes;
          heldBytes += bytes;
        },
        end() {
          if (busy.get(socket) !== all) return;
          all.answers -= 1;
          all.bytes -= held;
          heldBytes -= held;
          if (all.answers > 0) return;
          busy.delete(socket);
          if (!socket.destroyed) idle.add(socket);
        },
      };
    },
  };
}
