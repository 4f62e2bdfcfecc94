// A watch under test: real listeners on loopback, events decoded as they are accepted.
import { once } from "node:events";
import net from "node:net";
import { createEvents } from "../../../src/event.ts";
import { type ProbeSettings, settings as table } from "../../../src/probe/settings.ts";
import type { Target } from "../../../src/probe/target.ts";
import { type Watch, type WatchOptions, watch } from "../../../src/probe/watch.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";

/** An event as Logstash reads it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Decoded = any;

export function defaults(changed: Partial<ProbeSettings> = {}): ProbeSettings {
  const values = Object.fromEntries(
    Object.entries(table).map(([key, one]) => [
      key,
      one.default === undefined ? undefined : one.parse(one.default),
    ]),
  );
  return { ...values, interval: 50, recheck: 20, timeout: 1000, ...changed } as ProbeSettings;
}

export interface Run {
  readonly events: Decoded[];
  readonly watch: Watch;
  /** Resolves with the first event that is so, polling; rejects at its deadline. */
  find(what: (event: Decoded) => boolean, from?: number): Promise<Decoded>;
  /** Of the first target. */
  probes(): number;
  end(): Promise<void>;
}

export function run(
  targets: readonly Target[],
  changed: Partial<ProbeSettings> = {},
  options: Partial<WatchOptions> & { store?: Store; accept?: () => Promise<boolean> } = {},
): Run {
  const control = new AbortController();
  const { accept = async () => true, ...rest } = options;
  const source = watch({
    targets,
    settings: defaults(changed),
    host: "test-1",
    events: createEvents({ tool: "cuir", host: "test-1", version: "0", format: "logstash" }),
    store: openMemoryStore(),
    signal: control.signal,
    ...rest,
  });
  const events: Decoded[] = [];
  const pump = (async () => {
    for await (const batch of source) {
      const good = await accept();
      events.push(...batch.events.map(({ body }) => JSON.parse(body)));
      if (good) await batch.accepted({ at: "broker" });
    }
  })();
  return {
    events,
    watch: source,
    find: (what, from = 0) => eventually(() => events.slice(from).find(what)),
    probes: () => source.snapshot()[0]?.probes ?? 0,
    async end() {
      control.abort();
      await pump;
    },
  };
}

export async function eventually<T>(look: () => T | undefined | false, withinMs = 10_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not seen within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** A listener that can go and come back on its port. */
export async function listener(onSocket: (socket: net.Socket) => void = () => {}, host = "127.0.0.1") {
  let server: net.Server;
  const sockets = new Set<net.Socket>();
  async function open(port: number) {
    server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      onSocket(socket);
    });
    server.listen(port, host);
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
  }
  const port = await open(0);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { port, close, reopen: () => open(port), [Symbol.asyncDispose]: close };
}
