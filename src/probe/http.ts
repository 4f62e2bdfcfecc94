// The probe of HTTP: status, header and body conditions, redirects, a proxy; over TLS with the certificate judged.
// Invariant: of a body at most a megabyte is read, of the headers what Node's parser allows.
import type { Address } from "./address.ts";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { openLine, secureLine } from "./line.ts";
import { type Evidence, type Outcome, cleanText, fail, failFrom, isGood, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";
import { truthOf } from "./resolve.ts";
import { readTrust } from "./trust.ts";

const mostBody = 2 ** 20;
const mostInterim = 20;
const defaultRedirects = 5;
const goodStatuses = [[200, 399]] as const;
const redirecting = new Set([301, 302, 303, 307, 308]);

export const http: Kind = (target) => {
  const { request: ask } = process.getBuiltinModule("node:http");
  const { values } = target;
  const first = new URL(target.url!);
  const trust = readTrust(values);
  const mostRedirects = values.http_redirects ?? defaultRedirects;
  const statuses = values.http_status ?? goodStatuses;
  const wantsBody = values.http_body !== undefined || values.http_not_body !== undefined;

  return (to, trace, report) => {
    let line: Socket | undefined;
    let over = false;
    let redirects = 0;
    let evidence: Evidence = {};
    let peer: Outcome = up;

    function cancel() {
      over = true;
      line?.destroy();
    }

    function end(outcome: Outcome) {
      if (over) return;
      cancel();
      if (isGood(outcome)) trace.step = "done";
      report({ ...outcome, evidence: { ...evidence, ...outcome.evidence } });
    }

    const failed = end;

    function go(url: URL) {
      const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
      const { dial } = target;
      if (dial)
        return open(to, dial.port, (socket) =>
          url.protocol === "https:" ? tunnel(socket, url, port) : send(socket, url),
        );
      const secureOrSend = (socket: Socket) =>
        url.protocol === "https:" ? secure(socket, url) : send(socket, url);
      if (hostOf(url) === hostOf(first)) return open(to, port, secureOrSend);
      return lookUp(hostOf(url), (address) => open(address, port, secureOrSend));
    }

    function open(address: Address, port: number, opened: (socket: Socket) => void) {
      line = openLine({ to: address, port }, trace, { opened, failed });
    }

    /** Another host than the target's, to which it redirects. */
    function lookUp(host: string, found: (address: Address) => void) {
      const { lookup } = process.getBuiltinModule("node:dns");
      trace.step = "resolve";
      lookup(host, { family: 0 }, (error, address: string, family) => {
        if (over) return;
        if (error) {
          const outcome = failFrom(truthOf(error));
          // A resolver that is away is our own trouble, whoever sent us there.
          return end(
            outcome.verdict === "unknown"
              ? outcome
              : fail("http_redirects", `to ${host}: ${error.code ?? error.message}`),
          );
        }
        found({ address, family: family === 6 ? 6 : 4 });
      });
    }

    function tunnel(socket: Socket, url: URL, port: number) {
      trace.step = "send";
      const where = `${url.hostname}:${port}`;
      const request = ask({
        method: "CONNECT",
        path: where,
        headers: { host: where },
        createConnection: () => socket,
      });
      request.on("error", (error) => end(failFromHttp(error)));
      request.on("response", ({ statusCode }) => end(fail("http_proxy", `${statusCode}`)));
      request.on("connect", ({ statusCode }) => {
        if (over) return;
        if (statusCode !== 200) return end(fail("http_proxy", `${statusCode}`));
        secure(socket, url);
      });
      request.end();
    }

    function secure(socket: Socket, url: URL) {
      const isFirst = hostOf(url) === hostOf(first);
      const name = (isFirst ? values.tls_name : undefined) ?? hostOf(url);
      line = secureLine(
        socket,
        { name, trust, trace },
        {
          secured(secured, judged) {
            if (over) return;
            evidence = { ...evidence, ...judged.evidence };
            if (judged.verdict === "down") return end(judged);
            peer = judged;
            send(secured, url);
          },
          failed,
        },
      );
    }

    function send(socket: Socket, url: URL) {
      trace.step = "send";
      const sentMs = performance.now();
      const path = `${url.pathname}${url.search}`;
      const isProxied = target.dial !== undefined && url.protocol === "http:";
      const request = ask({
        method: (values.http_method ?? "get").toUpperCase(),
        path: isProxied ? `http://${url.host}${path}` : path,
        headers: {
          host: url.host,
          "user-agent": "moustash-cuir",
          accept: "*/*",
          "accept-encoding": "identity",
          connection: "close",
          ...values.http_headers,
        },
        createConnection: () => socket,
      });
      request.on("error", (error) => end(failFromHttp(error)));
      // 100 and the like come before an answer, and might come for ever.
      let interim = 0;
      request.on("information", ({ statusCode }) => {
        interim += 1;
        if (interim > mostInterim) end(fail("protocol", `${statusCode} again and again, and no answer`));
      });
      request.on("response", (response) => {
        trace.firstByteMs = performance.now() - sentMs;
        receive(response, url);
      });
      request.end();
      trace.step = "receive";
    }

    function receive(response: IncomingMessage, url: URL) {
      if (over) return;
      const { statusCode = 0, headers } = response;
      const server =
        headers.server === undefined ? undefined : { http_server: cleanText(String(headers.server)) };
      evidence = { ...evidence, http_status: statusCode, ...server };
      if (redirecting.has(statusCode) && headers.location !== undefined && mostRedirects > 0)
        return redirect(headers.location, url);
      if (!statuses.some(([from, until]) => statusCode >= from && statusCode <= until))
        return end(fail("http_status", `${statusCode} ${response.statusMessage ?? ""}`));
      if (values.http_header && !linesOf(response).some((one) => values.http_header!.test(one)))
        return end(fail("http_header"));
      if (!wantsBody) return end(peer);
      readBody(response);
    }

    function redirect(location: string, from: URL) {
      redirects += 1;
      evidence = { ...evidence, redirects, redirected_to: cleanText(location) };
      if (redirects > mostRedirects) return end(fail("http_redirects", `${redirects}`));
      if (!URL.canParse(location, from.href)) return end(fail("http_redirects", location));
      const next = new URL(location, from);
      if (!/^https?:$/.test(next.protocol)) return end(fail("http_redirects", location));
      line?.destroy();
      go(next);
    }

    function readBody(response: IncomingMessage) {
      let text = "";
      response.setEncoding("utf8");
      const judge = () => {
        const { http_body: must, http_not_body: mustNot } = values;
        if ((must && !must.test(text)) || mustNot?.test(text)) end(fail("http_body", text));
        else end(peer);
      };
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length >= mostBody) judge();
      });
      response.on("end", judge);
      response.on("error", (error) => end(failFromHttp(error)));
      response.on("aborted", () => end(fail("closed")));
    }

    go(first);
    return cancel;
  };
};

const hostOf = (url: URL) => url.hostname.replace(/^\[(.*)\]$/, "$1");

function linesOf({ rawHeaders }: IncomingMessage): string[] {
  return Array.from(
    { length: rawHeaders.length / 2 },
    (_, index) => `${rawHeaders[2 * index]}: ${rawHeaders[2 * index + 1]}`,
  );
}

function failFromHttp(error: Error): Outcome {
  return error.message === "socket hang up" ? fail("closed") : failFrom(error);
}
