// What went wrong on the way to a broker, in a sentence that names the setting to change.
import { formatAddress } from "./address.ts";
import { isLoopback } from "./container.ts";
import { type Endpoint, tlsSilent } from "./socket.ts";
import type { TlsNames } from "./tls.ts";
import { TransportError } from "./transport.ts";

export interface NetworkContext {
  /** For people: Redis, RabbitMQ, Sentinel. */
  readonly product: string;
  readonly endpoint: Endpoint;
  readonly inContainer: boolean;
  readonly usesTls: boolean;
  /** Whether the server had answered on this connection. */
  readonly established?: boolean;
  /** Names of settings. */
  readonly names: TlsNames & { readonly host: string; readonly tls: string; readonly socket?: string };
}

/** Turns an error of Node's net, dns or tls into ours; one of ours passes. */
export function toNetworkError(error: unknown, context: NetworkContext): TransportError {
  if (error instanceof TransportError) return error;
  const { product, endpoint } = context;
  const place = "path" in endpoint ? endpoint.path : formatAddress(endpoint);
  const [code, reason] = explain(error as NodeJS.ErrnoException, context);
  return new TransportError(code, `${product} at ${place}: ${reason}`, { cause: error });
}

/** Whether an error says more than that the time was over. */
export function isTlsSilence(error: unknown): boolean {
  return (
    error instanceof TransportError && (error.cause as { code?: string } | undefined)?.code === tlsSilent
  );
}

type Explanation = readonly ["unavailable" | "misconfigured", string];

function explain(error: NodeJS.ErrnoException, context: NetworkContext): Explanation {
  const { endpoint, names, usesTls, established } = context;
  const known = "path" in endpoint ? explainPath(error, context) : explainHost(error, endpoint.host, context);
  if (known) return known;
  const tls = explainTls(error, context);
  if (tls) return tls;
  switch (error.code) {
    case tlsSilent:
      return [
        "unavailable",
        `does not answer the TLS handshake: does it speak TLS at this port, or ${names.tls} = off?`,
      ];
    case "ECLOSED":
    case "ECONNRESET":
    case "EPIPE":
      if (established) return ["unavailable", "closed the connection"];
      return [
        "unavailable",
        usesTls
          ? `closed the connection during the TLS handshake (does it speak TLS at this port, and does it want a client certificate, ${names.cert}?)`
          : `closed the connection (does it expect TLS? then ${names.tls} = on)`,
      ];
    default:
      return ["unavailable", error.message || String(error.code)];
  }
}

function explainPath(
  error: NodeJS.ErrnoException,
  { endpoint, names }: NetworkContext,
): Explanation | undefined {
  const path = "path" in endpoint ? endpoint.path : "";
  switch (error.code) {
    case "ENOENT":
      return [
        "unavailable",
        `no such socket: is the server up, and is ${path} mounted here (${names.socket})?`,
      ];
    case "EACCES":
    case "EPERM":
      return [
        "unavailable",
        `permission denied for uid ${process.geteuid?.()}, gid ${process.getegid?.()}: let them share a group (unixsocketperm 770 at the server, group_add or fsGroup here)`,
      ];
    case "ENOTSOCK":
    case "ECONNREFUSED":
      return ["unavailable", "nobody listens at this socket: is the server up?"];
    default:
      return undefined;
  }
}

function explainHost(
  error: NodeJS.ErrnoException,
  host: string,
  { inContainer, names }: NetworkContext,
): Explanation | undefined {
  switch (error.code) {
    case "ECONNREFUSED":
      return [
        "unavailable",
        inContainer && isLoopback(host)
          ? `connection refused: in a container ${host} is the container itself. Name the other container (${names.host} = its service name), or the machine: host.docker.internal with extra_hosts "host.docker.internal:host-gateway", or network_mode: host`
          : "connection refused: is it up, and does it listen at this address and port?",
      ];
    case "ENOTFOUND":
      return ["unavailable", `the name ${host} is not known to DNS: look at ${names.host}`];
    case "EAI_AGAIN":
      return ["unavailable", `the name ${host} could not be resolved now: DNS does not answer`];
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
      return ["unavailable", `no way to it (${error.code}): a route, a firewall or ${names.host} is wrong`];
    default:
      return undefined;
  }
}

// Codes: OpenSSL's X509_verify_cert_error, and Node's own ERR_TLS_*.
function explainTls(
  error: NodeJS.ErrnoException,
  { endpoint, names }: NetworkContext,
): Explanation | undefined {
  const host = "path" in endpoint ? endpoint.path : endpoint.host;
  switch (error.code) {
    case "CERT_HAS_EXPIRED":
      return ["unavailable", "its certificate has expired: renew it at the server"];
    case "CERT_NOT_YET_VALID":
      return ["unavailable", "its certificate is not valid yet: is a clock wrong?"];
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return [
        "misconfigured",
        `its certificate is for another name than ${host} (${names.host}): ${error.message}`,
      ];
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return [
        "misconfigured",
        `its certificate was not issued by the authority in ${names.ca} (or, without one, by a public one): set ${names.ca} to the PEM file of the authority that issued it (${error.code})`,
      ];
    default:
      return explainAlert(error, names);
  }
}

function explainAlert(error: NodeJS.ErrnoException, names: NetworkContext["names"]): Explanation | undefined {
  const code = error.code ?? "";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return ["misconfigured", `answers without TLS: ${names.tls} = off, or the port that speaks TLS`];
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|PEER_DID_NOT_RETURN/.test(code))
    return ["misconfigured", `wants a client certificate: set ${names.cert} and ${names.key} (${code})`];
  if (/UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED/.test(code))
    return ["misconfigured", `refuses our client certificate: look at ${names.cert} (${code})`];
  if (code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH")
    return ["misconfigured", `${names.cert} and ${names.key} do not belong together`];
  if (code.startsWith("ERR_OSSL") || code.startsWith("ERR_SSL"))
    return ["misconfigured", `TLS: ${error.message} (look at ${names.ca}, ${names.cert}, ${names.key})`];
  return undefined;
}
