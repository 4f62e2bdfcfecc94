// The network between the tools and Redis: a link that can be cut, that can swallow, and that notes what Redis
// acknowledged, so that a Redis which forgets it afterwards is not blamed on the tools.
import { type Socket, connect, createServer } from "node:net";
import { once } from "node:events";

export interface Link extends AsyncDisposable {
  readonly port: number;
  /** Bodies that Redis acknowledged through this link, in the order of the answers. */
  readonly acknowledged: readonly string[];
  /** Open; cut: connections are reset and refused; silent: what is sent waits, and is lost if its sender gives up. */
  set(mode: LinkMode): void;
}

export type LinkMode = "open" | "cut" | "silent";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What waits while the link is silent. */
  readonly held: (() => void)[];
}

export async function openLink(serverPort: number): Promise<Link> {
  const acknowledged: string[] = [];
  const pairs = new Set<Pair>();
  let mode: LinkMode = "open";

  const listener = createServer((client) => {
    if (mode === "cut") return void client.resetAndDestroy();
    const server = connect(serverPort, "127.0.0.1");
    const pair: Pair = { client, server, held: [] };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end).setNoDelay(true);
    const commands: (readonly string[])[] = [];
    const pass = (work: () => void) => {
      if (mode === "silent") pair.held.push(work);
      else work();
    };
    client.on("data", (bytes) => pass(() => server.write(bytes)));
    server.on("data", (bytes) => pass(() => client.write(bytes)));
    client.on(
      "data",
      readReplies((command) => commands.push(command as readonly string[])),
    );
    server.on(
      "data",
      readReplies((reply) => {
        const [name = "", , ...bodies] = commands.shift() ?? [];
        if (name.toUpperCase() === "RPUSH" && typeof reply === "number") acknowledged.push(...bodies);
      }),
    );
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as { port: number }).port,
    acknowledged,
    set(next) {
      mode = next;
      if (next === "cut")
        for (const { client, server } of pairs) [client, server].map((socket) => socket.resetAndDestroy());
      if (next === "open") for (const { held } of pairs) for (const work of held.splice(0)) work();
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of pairs) [client, server].map((socket) => socket.destroy());
      listener.close();
      await once(listener, "close");
    },
  };
}

type Reply = null | number | string | Error | Reply[];

/** Parses RESP2, in either direction. Source: the Redis serialization protocol specification. */
function readReplies(heard: (reply: Reply) => void): (bytes: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0);
  return (bytes) => {
    buffer = buffer.length === 0 ? bytes : Buffer.concat([buffer, bytes]);
    for (;;) {
      const parsed = parse(buffer, 0);
      if (!parsed) return;
      buffer = buffer.subarray(parsed.end);
      heard(parsed.reply);
    }
  };
}

function parse(buffer: Buffer, start: number): { reply: Reply; end: number } | undefined {
  const lineEnd = buffer.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const line = buffer.toString("utf8", start + 1, lineEnd);
  let end = lineEnd + 2;
  switch (String.fromCodePoint(buffer[start]!)) {
    case ":":
      return { reply: Number(line), end };
    case "-":
      return { reply: new Error(line), end };
    case "$": {
      const size = Number(line);
      if (size < 0) return { reply: null, end };
      if (buffer.length < end + size + 2) return undefined;
      return { reply: buffer.toString("utf8", end, end + size), end: end + size + 2 };
    }
    case "*": {
      const items: Reply[] = [];
      for (let left = Number(line); left > 0; left -= 1) {
        const item = parse(buffer, end);
        if (!item) return undefined;
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      return { reply: line, end };
  }
}
