// Watching a daemon: opens its HTTP server, and keeps trying where the address is taken. The work goes on without it.
import { randomUUID } from "node:crypto";
import { type Access, createGuard } from "./access.ts";
import { type Metrics, createMetrics } from "./metrics.ts";
import { createRoutes } from "./routes.ts";
import { type Serving, serve } from "./server.ts";
import { type HttpAddress, formatHttpAddress } from "./settings.ts";
import type { Sources } from "./sources.ts";

export interface MonitorOptions {
  readonly tool: "cuir" | "fouet";
  readonly host: string;
  readonly version: string;
  /** Undefined: nothing is served. */
  readonly address: HttpAddress | undefined;
  readonly access?: Access;
  readonly sources: Sources;
  /** For people: the address is taken, or is ours at last. */
  readonly report: (level: "info" | "warn" | "error", message: string) => void;
  readonly now?: () => number;
  readonly retryMs?: number;
}

export interface Monitor extends AsyncDisposable {
  /** Where it is served now; undefined while it is not. */
  readonly port: number | undefined;
}

/** Never rejects for an address: probing and listening matter more than being watched. */
export async function openMonitor(options: MonitorOptions): Promise<Monitor> {
  const { tool, address, report, sources, host, version, now = Date.now, retryMs = 10_000 } = options;
  if (address === undefined) return { port: undefined, async [Symbol.asyncDispose]() {} };
  let metrics: Promise<Metrics> | undefined;
  const routes = createRoutes({
    tool,
    host,
    version,
    address,
    sources,
    now,
    metrics: () => (metrics ??= createMetrics({ sources, tool, version })),
    life: randomUUID(),
  });
  const open = () =>
    serve({
      address,
      routes,
      isAllowed: createGuard(options.access ?? {}),
      headers: { "X-Moustash-Tool": tool },
      onError: (error) => report("error", `http: ${error instanceof Error ? error.stack : String(error)}`),
    });
  const at = formatHttpAddress(address);
  let serving: Serving | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function attempt(isFirst: boolean) {
    try {
      const opened = await open();
      if (closed) return await opened[Symbol.asyncDispose]();
      serving = opened;
      report("info", `health and metrics are served at http://${at}/`);
    } catch (error) {
      if (isFirst) report("warn", explain(options, at, error as NodeJS.ErrnoException));
      if (!closed) timer = setTimeout(() => void attempt(false), retryMs).unref();
    }
  }

  await attempt(true);
  return {
    get port() {
      return serving?.port;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await serving?.[Symbol.asyncDispose]();
    },
  };
}

const names = {
  cuir: "[Cuir] http (CUIR_HTTP)",
  fouet: "[Fouet] http (FOUET_HTTP)",
} as const;

function explain({ tool }: MonitorOptions, at: string, { code, message }: NodeJS.ErrnoException): string {
  const why: Record<string, string> = {
    EADDRINUSE: "something listens there already",
    EACCES: "we may not listen on that port",
    EADDRNOTAVAIL: "this machine has no such address",
  };
  return `${names[tool]} ${at} cannot be served: ${why[code ?? ""] ?? message}; give it another address:port, or none. Work goes on, tries too`;
}
