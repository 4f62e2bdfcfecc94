// Watching a daemon: opens its HTTP server, and keeps trying where the address is taken. The work goes on without it.
import { randomUUID } from "node:crypto";
import { type Access, asksNothing, createGuard } from "./access.ts";
import { type Metrics, createMetrics } from "./metrics.ts";
import { createRoutes } from "./routes.ts";
import { type Serving, serve } from "./server.ts";
import { type HttpAddress, formatHttpAddress } from "./settings.ts";
import type { Sources } from "./sources.ts";

/** Where is served, and to whom. */
export interface Place {
  /** Undefined: nothing is served. */
  readonly address: HttpAddress | undefined;
  readonly access?: Access;
}

export interface MonitorOptions extends Place {
  readonly tool: "cuir" | "fouet";
  readonly host: string;
  readonly version: string;
  readonly sources: Sources;
  /** For people: the address is taken, or is ours at last. */
  readonly report: (level: "info" | "warn" | "error", message: string) => void;
  readonly now?: () => number;
  readonly retryMs?: number;
}

export interface Monitor extends AsyncDisposable {
  /** Where it is served now; undefined while it is not. */
  readonly port: number | undefined;
  /**
   * Serves another place from now on; gives whether it does. Where the new address cannot be opened yet the old one is
   * kept, and never opened wider: it asks for the new credentials, and for its own where the new place asks for none.
   */
  move(place: Place): Promise<boolean>;
}

/** Never rejects for an address: probing and listening matter more than being watched. */
export async function openMonitor(options: MonitorOptions): Promise<Monitor> {
  const { tool, report, sources, host, version, now = Date.now, retryMs = 10_000 } = options;
  let metrics: Promise<Metrics> | undefined;
  const routes = createRoutes({
    tool,
    host,
    version,
    sources,
    now,
    metrics: () => (metrics ??= createMetrics({ sources, tool, version })),
    life: randomUUID(),
  });
  let wanted: Place = options;
  let served: Served | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: an address is never opened twice. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  async function open(address: HttpAddress, access: Access = {}): Promise<Served> {
    const guard = { isAllowed: createGuard(access) };
    const server = await serve({
      address,
      routes,
      isAllowed: (authorization) => guard.isAllowed(authorization),
      headers: { "X-Moustash-Tool": tool },
      onError: (error) => report("error", `http: ${error instanceof Error ? error.stack : String(error)}`),
    });
    return { address, access, guard, server };
  }

  async function leave() {
    const left = served;
    served = undefined;
    await left?.server[Symbol.asyncDispose]();
  }

  /** Opens the new address before it leaves the old one; where the old one is in its way, it returns to that. */
  async function change(address: HttpAddress, access: Access | undefined) {
    const old = served;
    let opened: Served;
    try {
      opened = await open(address, access);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE" || old === undefined || !isInTheWay(old.address, address)) throw error;
      await leave();
      try {
        opened = await open(address, access);
      } catch (again) {
        served = await open(old.address, old.access).catch(() => undefined);
        throw again;
      }
    }
    await leave();
    served = opened;
  }

  /** Gives whether the wanted place is served. */
  async function attempt(isFirst: boolean): Promise<boolean> {
    clearTimeout(timer);
    const { address, access = {} } = wanted;
    if (closed) return false;
    if (address === undefined) {
      await leave();
      return true;
    }
    const at = formatHttpAddress(address);
    const isHere = served !== undefined && formatHttpAddress(served.address) === at;
    if (served && (isHere || !asksNothing(access))) {
      served.access = access;
      served.guard.isAllowed = createGuard(access);
    }
    if (isHere) return true;
    try {
      await change(address, access);
      report("info", `health and metrics are served at http://${at}/`);
      return true;
    } catch (error) {
      if (isFirst) report("warn", explain(tool, at, error as NodeJS.ErrnoException, served?.address));
      timer = setTimeout(() => void inTurn(() => attempt(false)), retryMs).unref();
      return false;
    }
  }

  await inTurn(() => attempt(true));
  return {
    get port() {
      return served?.server.port;
    },
    move: (place) =>
      inTurn(() => {
        wanted = place;
        return attempt(true);
      }),
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await inTurn(leave);
    },
  };
}

const several = ["::", "0.0.0.0", "localhost"];

const isInTheWay = (old: HttpAddress, next: HttpAddress): boolean =>
  old.port === next.port && (several.includes(old.host) || several.includes(next.host));

interface Served {
  readonly address: HttpAddress;
  readonly server: Serving;
  access: Access;
  readonly guard: { isAllowed: ReturnType<typeof createGuard> };
}

const names = {
  cuir: "[Cuir] http (CUIR_HTTP)",
  fouet: "[Fouet] http (FOUET_HTTP)",
} as const;

function explain(
  tool: MonitorOptions["tool"],
  at: string,
  { code, message }: NodeJS.ErrnoException,
  kept: HttpAddress | undefined,
): string {
  const why: Record<string, string> = {
    EADDRINUSE: "something listens there already",
    EACCES: "we may not listen on that port",
    EADDRNOTAVAIL: "this machine has no such address",
  };
  const meanwhile = kept ? `${formatHttpAddress(kept)} is kept, and tries go on` : "Work goes on, tries too";
  return `${names[tool]} ${at} cannot be served: ${why[code ?? ""] ?? message}; give it another address:port, or none. ${meanwhile}`;
}
