// A connection as the kinds of probe use it: opened with its time taken, then perhaps secured; errors become outcomes.
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Address, isIPv4, isIPv6 } from "./address.ts";
import { type Outcome, type Trace, failFrom } from "./outcome.ts";
import type { Target } from "./target.ts";
import { type Trust, failFromTls, judgePeer } from "./trust.ts";

export type End = { readonly to: Address; readonly port: number } | { readonly path: string };

/** Opens; `failed` is called at most once, also for an error that comes after `opened`. */
export function openLine(
  end: End,
  trace: Trace,
  { opened, failed }: { opened: (socket: Socket) => void; failed: (outcome: Outcome) => void },
): Socket {
  const net = process.getBuiltinModule("node:net");
  trace.step = "connect";
  const beganMs = performance.now();
  const socket =
    "path" in end
      ? net.connect({ path: end.path })
      : net.connect({ host: end.to.address, family: end.to.family, port: end.port, autoSelectFamily: false });
  socket.on("error", (error) => {
    socket.destroy();
    failed(failFrom(error));
  });
  socket.once("connect", () => {
    trace.connectMs = performance.now() - beganMs;
    opened(socket);
  });
  return socket;
}

/** The name that the certificate must have. */
export function peerName({ values, host }: Pick<Target, "values" | "host">): string {
  return values.tls_name ?? host;
}

/** TLS over a line that stands. `secured` gets the verdict over the certificate, which may be bad. */
export function secureLine(
  socket: Socket,
  { name, trust, trace }: { name: string; trust: Trust; trace: Trace },
  {
    secured,
    failed,
  }: { secured: (socket: TLSSocket, peer: Outcome) => void; failed: (outcome: Outcome) => void },
): TLSSocket {
  const tls = process.getBuiltinModule("node:tls");
  trace.step = "tls";
  const beganMs = performance.now();
  const isAddress = isIPv4(name) || isIPv6(name);
  const secure = tls.connect({
    socket,
    ...(isAddress ? undefined : { servername: name }),
    // Judged by us, so that the certificate is seen also where it is bad.
    rejectUnauthorized: false,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
    secureContext: trust.context(),
  });
  secure.once("close", () => socket.destroy());
  secure.on("error", (error) => {
    secure.destroy();
    failed(failFromTls(error));
  });
  secure.once("secureConnect", () => {
    trace.tlsMs = performance.now() - beganMs;
    secured(secure, judgePeer(secure, trust));
  });
  return secure;
}
