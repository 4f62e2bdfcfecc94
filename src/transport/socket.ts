// One TCP, unix or TLS connection to a broker, which can be reset so that nothing it carried arrives later.
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Address } from "./address.ts";
import type { TlsMaterial } from "./tls.ts";

export type Endpoint = Address | { readonly path: string };

export interface OpenSocket {
  readonly stream: Socket;
  /**
   * Ends it with a reset: what the kernel has not sent yet is thrown away, where a close would go on sending it for
   * minutes. (What lies in the peer's buffer already is read by the peer before anything of a later connection.)
   */
  reset(): void;
}

/** The code of the error where the time was over in the midst of a TLS handshake: most often a port without TLS. */
export const tlsSilent = "TLS_SILENT";

/** Resolves once connected, with TLS once the peer is verified; rejects with Node's own error, or the signal's reason. */
export async function openSocket(
  endpoint: Endpoint,
  { tls, signal }: { tls?: TlsMaterial | undefined; signal: AbortSignal },
): Promise<OpenSocket> {
  signal.throwIfAborted();
  const { connect, isIP } = await import("node:net");
  const raw = connect({ ...endpoint, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
  let stream: Socket = raw;
  function reset() {
    resetSocket(raw);
    stream.destroy();
  }
  try {
    await settled(raw, "connect", signal);
    if (tls) {
      const { connect: connectTls } = await import("node:tls");
      const host = "path" in endpoint ? "localhost" : endpoint.host;
      stream = connectTls({ ...tls, socket: raw, host, ...(isIP(host) ? {} : { servername: host }) });
      await settled(stream, "secureConnect", signal);
    }
  } catch (error) {
    reset();
    if (stream !== raw && signal.aborted)
      throw Object.assign(new Error("no answer to the TLS handshake", { cause: error }), { code: tlsSilent });
    throw error;
  }
  return { stream, reset };
}

/** Of the peer, where the connection is TLS. */
export interface PeerCertificate {
  readonly issuer: string;
  readonly validTo: string;
}

export function peerCertificate(stream: Socket): PeerCertificate | undefined {
  if (!("getPeerCertificate" in stream)) return undefined;
  const { issuer, valid_to: validTo } = (stream as TLSSocket).getPeerCertificate();
  return validTo === undefined
    ? undefined
    : { issuer: String(issuer.O ?? issuer.CN ?? "an unnamed authority"), validTo };
}

/** Resets a TCP connection at once; a unix socket, which knows no reset, is closed. */
export function resetSocket(socket: Socket): void {
  // Where the peer has closed, our end is being shut down, and a reset in the midst of that leaves a handle that
  // never closes: Node then never exits.
  const canReset = socket.remoteFamily !== undefined && !socket.writableEnded && !socket.readableEnded;
  if (canReset) socket.resetAndDestroy();
  else socket.destroy();
}

function settled(stream: Socket, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const listeners = {
      [event]: () => settle(),
      error: (error: Error) => settle(error),
      close: () => settle(Object.assign(new Error("closed during the handshake"), { code: "ECONNRESET" })),
    };
    const aborted = () => settle(signal.reason as Error);
    function settle(error?: Error) {
      signal.removeEventListener("abort", aborted);
      for (const [name, listener] of Object.entries(listeners)) stream.off(name, listener);
      // What comes after (a reset answered by an error) has been said already.
      if (error) stream.on("error", () => {});
      if (error) reject(error);
      else resolve();
    }
    for (const [name, listener] of Object.entries(listeners)) stream.on(name, listener);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
