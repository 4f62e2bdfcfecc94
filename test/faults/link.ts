// The network between the tools and a broker: a link that can be cut, that can swallow, and on which a witness may look.
import { type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import type { Witness } from "./witness.ts";

export interface Link extends AsyncDisposable {
  readonly port: number;
  /** What the witness saw to be acknowledged, in the order of the answers. */
  readonly acknowledged: readonly string[];
  set(mode: LinkMode): void;
  /** How many connections have sent something that waits. */
  waiting(): number;
}

/**
 * Open; cut: connections are reset and refused; silent: what is sent waits, and is lost if its sender resets; late:
 * open for new connections, while what waits on others waits on. (So it is after a real silence: TCP has doubled its
 * pause with each try, and a new connection is there long before the next one.)
 */
export type LinkMode = "open" | "cut" | "silent" | "late";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What waits, in its order. */
  readonly held: (() => void)[];
  asked: boolean;
}

export async function openLink(
  serverPort: number,
  look?: (acknowledged: (bodies: readonly string[]) => void) => Witness,
): Promise<Link> {
  const acknowledged: string[] = [];
  const pairs = new Set<Pair>();
  let mode: LinkMode = "open";

  function release(pair: Pair) {
    pair.asked = false;
    for (const work of pair.held.splice(0)) work();
  }

  const listener = createServer((client) => {
    if (mode === "cut") return void client.resetAndDestroy();
    const server = connect(serverPort, "127.0.0.1");
    const pair: Pair = { client, server, held: [], asked: false };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end).setNoDelay(true);
    const pass = (work: () => void) => {
      if (mode === "silent" || pair.held.length > 0) pair.held.push(work);
      else work();
    };
    const witness = look?.((bodies) => void acknowledged.push(...bodies));
    client.on("data", (bytes: Buffer) => {
      pass(() => server.write(bytes));
      pair.asked = pair.held.length > 0;
      witness?.asked(bytes);
    });
    server.on("data", (bytes: Buffer) => {
      pass(() => client.write(bytes));
      witness?.answered(bytes);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as { port: number }).port,
    acknowledged,
    waiting: () => [...pairs].filter(({ asked }) => asked).length,
    set(next) {
      mode = next;
      if (next === "cut")
        for (const { client, server } of pairs) [client, server].map((socket) => socket.resetAndDestroy());
      if (next === "open") for (const pair of pairs) release(pair);
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of pairs) [client, server].map((socket) => socket.destroy());
      listener.close();
      await once(listener, "close");
    },
  };
}
