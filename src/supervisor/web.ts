// supervisord's HTTP server: XML-RPC calls, and logs as bytes, over a unix socket or TCP, with Basic authentication.
// Source: supervisor 4.2.5, supervisor/http.py and xmlrpc.py.
import type { IncomingMessage } from "node:http";
import { MoustashError, exitCodes } from "../errors.ts";
import { formatCall, parseResponse, type XmlValue } from "./xmlrpc.ts";

export interface WebOptions {
  /** `unix:///run/supervisor.sock` or `http://127.0.0.1:9001`. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly timeoutMs?: number;
}

export interface Web {
  readonly url: string;
  /** Throws a WebError: away, unauthorised, or a fault of supervisord's. */
  call(method: string, ...params: readonly XmlValue[]): Promise<XmlValue>;
  /** The end of a log at once (1 KB at most, for supervisord gives no more); undefined where there is none. */
  tail(path: string, withinMs: number): Promise<Buffer | undefined>;
  /** A log as it grows: an empty piece once it is open, then its last KB. Ends when supervisord closes; throws a WebError. */
  follow(path: string, signal: AbortSignal): AsyncGenerator<Buffer>;
}

export type WebErrorCode = "web_away" | "web_unauthorised" | "web_missing" | "web_fault";

/** supervisord's HTTP server gave no answer, or said no. */
export class WebError extends MoustashError {
  declare readonly code: WebErrorCode;

  constructor(code: WebErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, exitCodes.unavailable, message, options);
  }
}

/** No answer of supervisord's is larger; a log of thousands of processes is far smaller. */
const mostResponseBytes = 16 * 2 ** 20;

export function connectWeb({ url, username, password, timeoutMs = 3000 }: WebOptions): Web {
  const place = parsePlace(url);
  const authorisation = username
    ? { authorization: `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}` }
    : {};

  async function request(
    method: string,
    path: string,
    { body, signal, withinMs }: { body?: string; signal?: AbortSignal; withinMs: number },
  ): Promise<IncomingMessage> {
    const http = await import("node:http");
    const timeout = AbortSignal.timeout(withinMs);
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = http.request({
        ...place,
        method,
        path,
        agent: false,
        headers: {
          ...authorisation,
          // Told to close, supervisord collects what a log gains instead of sending it.
          ...(body === undefined && { connection: "keep-alive" }),
          ...(body !== undefined && {
            "content-type": "text/xml",
            "content-length": Buffer.byteLength(body),
          }),
        },
      });
      const fail = (cause: unknown) => {
        const why = timeout.aborted ? `no answer within ${withinMs} ms` : reason(cause);
        reject(new WebError("web_away", `supervisord's HTTP server at ${url}: ${why}`, { cause }));
      };
      // A stream that outlives the answer's head ends by `signal`, not by the time for the head.
      const late = () => request.destroy(new Error("timed out"));
      timeout.addEventListener("abort", late, { once: true });
      signal?.addEventListener("abort", () => request.destroy(), { once: true });
      request.on("error", fail);
      request.on("response", (response) => {
        timeout.removeEventListener("abort", late);
        response.on("error", () => {});
        const status = response.statusCode ?? 0;
        if (status === 200) return resolve(response);
        response.destroy();
        if (status === 401) {
          const remedy = "set supervisor_username and supervisor_password";
          reject(
            new WebError(
              "web_unauthorised",
              `supervisord's HTTP server at ${url} wants a password: ${remedy}`,
            ),
          );
        } else {
          reject(
            new WebError("web_missing", `supervisord's HTTP server at ${url}: status ${status} for ${path}`),
          );
        }
      });
      request.end(body);
    });
  }

  return {
    url,
    async call(method, ...params) {
      const response = await request("POST", "/RPC2", {
        body: formatCall(method, params),
        withinMs: timeoutMs,
      });
      const pieces: Buffer[] = [];
      let bytes = 0;
      const timer = setTimeout(() => response.destroy(new Error("timed out")), timeoutMs);
      try {
        for await (const piece of response) {
          pieces.push(piece as Buffer);
          bytes += (piece as Buffer).length;
          if (bytes > mostResponseBytes) throw new Error("the answer is too long");
        }
      } catch (cause) {
        throw new WebError("web_away", `supervisord's HTTP server at ${url}: ${reason(cause)}`, { cause });
      } finally {
        clearTimeout(timer);
      }
      const answer = parseResponse(Buffer.concat(pieces).toString("utf8"));
      if (answer.kind === "value") return answer.value;
      throw new WebError("web_fault", `supervisord says to ${method}: ${answer.text} (fault ${answer.code})`);
    },

    async tail(path, withinMs) {
      const started = performance.now();
      const response = await request("GET", path, { withinMs });
      // An empty log gives nothing for ever.
      const left = Math.max(1, withinMs - (performance.now() - started));
      return new Promise((resolve) => {
        const done = (piece?: Buffer) => {
          clearTimeout(timer);
          response.destroy();
          resolve(piece);
        };
        const timer = setTimeout(done, left);
        response.once("data", done).once("end", () => done());
      });
    },

    async *follow(path, signal) {
      const response = await request("GET", path, { signal, withinMs: timeoutMs });
      try {
        yield Buffer.alloc(0);
        for await (const piece of response) yield piece as Buffer;
      } catch (cause) {
        if (!signal.aborted) {
          throw new WebError("web_away", `supervisord's HTTP server at ${url}: ${reason(cause)}`, { cause });
        }
      } finally {
        response.destroy();
      }
    },
  };
}

function parsePlace(url: string): { socketPath: string } | { host: string; port: number } {
  if (url.startsWith("unix://")) return { socketPath: url.slice("unix://".length) };
  if (!URL.canParse(url) || !url.startsWith("http://")) {
    throw new MoustashError(
      "supervisor_url",
      exitCodes.configuration,
      `supervisor_url: "${url}" must be unix:///path/of/supervisor.sock or http://address:port`,
    );
  }
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 80 };
}

function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "EACCES") return "permission denied (chmod and chown of its section rule who may)";
  if (code === "ENOENT") return "no such socket";
  if (code === "ECONNREFUSED") return "nobody listens";
  return message;
}
