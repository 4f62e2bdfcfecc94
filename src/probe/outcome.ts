// What one probe found: a verdict, its cause in one word, and how far it came. The table of causes is the documentation's.

/**
 * `up` and `down` are the target's, `degraded` is up with something to say; `unknown` is our own trouble and is
 * never held against the target.
 */
export type Verdict = "up" | "down" | "degraded" | "unknown";

/** Where in the stack a cause lives. */
export type Layer = "prober" | "name" | "network" | "tls" | "application" | "rule";

/** How far a probe had come when it ended. */
export type Step = "resolve" | "connect" | "tls" | "send" | "receive" | "done";

interface CauseEntry {
  readonly verdict: Exclude<Verdict, "up">;
  readonly layer: Layer;
  /** For people: completes "SSH 10.1.2.3:22 down: …". */
  readonly text: string;
  readonly help: string;
}

export const causes = {
  refused: {
    verdict: "down",
    layer: "network",
    text: "refused",
    help: "Nothing listens on that port, or a firewall rejects with a reset.",
  },
  timeout: {
    verdict: "down",
    layer: "network",
    text: "timed out",
    help: "No answer before `timeout`; `step` says which phase was waited for.",
  },
  unreachable: {
    verdict: "down",
    layer: "network",
    text: "unreachable",
    help: "A router, or the neighbour discovery on our own link, says that the host cannot be reached.",
  },
  reset: {
    verdict: "down",
    layer: "network",
    text: "connection reset",
    help: "The connection was reset after it stood.",
  },
  closed: {
    verdict: "down",
    layer: "network",
    text: "closed by the other side",
    help: "The connection was closed before the answer was complete.",
  },
  name_not_found: {
    verdict: "down",
    layer: "name",
    text: "name not found",
    help: "The resolver says that the name does not exist, or has no address.",
  },
  resolver_away: {
    verdict: "unknown",
    layer: "prober",
    text: "our resolver gives no answer",
    help: "The name could not be looked up: the resolver is away or failed, or its answer came too late.",
  },
  no_route: {
    verdict: "unknown",
    layer: "prober",
    text: "we have no route",
    help: "This machine has no route to that network (an IPv6 address without IPv6 here, for one).",
  },
  no_descriptors: {
    verdict: "unknown",
    layer: "prober",
    text: "we have no file descriptors left",
    help: "This process or this machine has no file descriptors left: raise `ulimit -n`.",
  },
  no_ports: {
    verdict: "unknown",
    layer: "prober",
    text: "we have no local ports left",
    help: "All local ports towards this target are in use or in TIME_WAIT.",
  },
  no_memory: {
    verdict: "unknown",
    layer: "prober",
    text: "we have no memory left",
    help: "The kernel has no buffers or memory left for a socket.",
  },
  not_permitted: {
    verdict: "unknown",
    layer: "prober",
    text: "we are not permitted",
    help: "A firewall, route or security profile of this machine forbids the connection.",
  },
  isolated: {
    verdict: "unknown",
    layer: "prober",
    text: "this prober is cut off",
    help: "Every host fell silent at once: the verdict is held back until something answers again.",
  },
  tls_handshake: {
    verdict: "down",
    layer: "tls",
    text: "TLS handshake failed",
    help: "No TLS is spoken there, or no protocol or cipher is common to both; `detail` has OpenSSL's word.",
  },
  tls_expired: {
    verdict: "down",
    layer: "tls",
    text: "certificate expired",
    help: "A certificate of the chain is past its last day.",
  },
  tls_not_yet_valid: {
    verdict: "down",
    layer: "tls",
    text: "certificate not yet valid",
    help: "The certificate's first day is to come (or this machine's clock is wrong).",
  },
  tls_name: {
    verdict: "down",
    layer: "tls",
    text: "certificate is for another name",
    help: "No name of the certificate is the one that was asked for.",
  },
  tls_untrusted: {
    verdict: "down",
    layer: "tls",
    text: "certificate not trusted",
    help: "The chain does not end at an authority that is trusted, or an intermediate certificate is missing.",
  },
  tls_client_certificate: {
    verdict: "down",
    layer: "tls",
    text: "client certificate refused",
    help: "The server wants a certificate of ours that we do not have, or not this one.",
  },
  tls_open: {
    verdict: "down",
    layer: "tls",
    text: "no client certificate demanded",
    help: "`tls_expect = client_certificate`, yet the server talks to anybody.",
  },
  tls_expires_soon: {
    verdict: "degraded",
    layer: "tls",
    text: "certificate expires soon",
    help: "Fewer than `tls_days` days are left.",
  },
  http_status: {
    verdict: "down",
    layer: "application",
    text: "HTTP status",
    help: "The status is not in `http_status`.",
  },
  http_header: {
    verdict: "down",
    layer: "application",
    text: "HTTP header missing",
    help: "No header line matches `http_header`.",
  },
  http_body: {
    verdict: "down",
    layer: "application",
    text: "HTTP body wrong",
    help: "The first megabyte of the body does not match `http_body`, or matches `http_not_body`.",
  },
  http_redirects: {
    verdict: "down",
    layer: "application",
    text: "too many redirects",
    help: "More redirects than `http_redirects`, or one that leads nowhere.",
  },
  http_proxy: {
    verdict: "down",
    layer: "application",
    text: "refused by the proxy",
    help: "The proxy did not connect us to the target.",
  },
  protocol: {
    verdict: "down",
    layer: "application",
    text: "speaks another protocol",
    help: "What came is not of the protocol that was asked for.",
  },
  unexpected: {
    verdict: "down",
    layer: "application",
    text: "unexpected answer",
    help: "What came is not what `expect` (or the ready-made dialogue) waits for.",
  },
  dns_no_such_name: {
    verdict: "down",
    layer: "application",
    text: "the asked name does not exist",
    help: "A dns target answered NXDOMAIN.",
  },
  dns_no_record: {
    verdict: "down",
    layer: "application",
    text: "the asked name has no such record",
    help: "A dns target answered without a record of the asked type.",
  },
  dns_failed: {
    verdict: "down",
    layer: "application",
    text: "the resolver failed",
    help: "A dns target answered SERVFAIL, REFUSED or what could not be read; `detail` has the word.",
  },
  dns_answer: {
    verdict: "down",
    layer: "application",
    text: "wrong record",
    help: "An answer of `dns_expect` is missing.",
  },
  no_socket: {
    verdict: "down",
    layer: "network",
    text: "socket file missing",
    help: "There is no file at the Unix socket's path.",
  },
  open: {
    verdict: "down",
    layer: "rule",
    text: "open, but must be closed",
    help: "An `inverted` target answered.",
  },
  slow: {
    verdict: "degraded",
    layer: "rule",
    text: "slow",
    help: "It answered, but took longer than `slow`.",
  },
  address_down: {
    verdict: "degraded",
    layer: "rule",
    text: "some addresses do not answer",
    help: "No address of one family (IPv4 or IPv6) answers, while the other does; see `addresses`.",
  },
  failed: {
    verdict: "down",
    layer: "network",
    text: "failed",
    help: "An error of the system that has no word here; `detail` has its code.",
  },
} as const satisfies Record<string, CauseEntry>;

export type Cause = keyof typeof causes;

/** What a probe says of itself beside its verdict: plain JSON, bounded and cleaned. */
export type Evidence = { readonly [name: string]: string | number | boolean | readonly string[] };

export interface Outcome {
  readonly verdict: Verdict;
  readonly cause?: Cause;
  /** What was said or seen, for people; cleaned, one line. */
  readonly detail?: string;
  readonly evidence?: Evidence;
}

/** What a probe writes while it goes: read when it ends, or when its deadline ends it. Milliseconds, monotonic. */
export interface Trace {
  step: Step;
  startMs: number;
  dnsMs?: number;
  connectMs?: number;
  tlsMs?: number;
  firstByteMs?: number;
  totalMs?: number;
  address?: string;
  /** The last words that came, for the day when they are not the expected ones. */
  heard?: string;
}

/** The one outcome that most probes have: it costs nothing. */
export const up: Outcome = Object.freeze({ verdict: "up" });

export function fail(cause: Cause, detail?: string, evidence?: Evidence): Outcome {
  return {
    verdict: causes[cause].verdict,
    cause,
    ...(detail === undefined ? undefined : { detail: cleanText(detail) }),
    ...(evidence === undefined ? undefined : { evidence }),
  };
}

/** Error codes of connect(2), getaddrinfo(3) and libuv, to causes. */
const codes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: "refused",
  ENOENT: "no_socket",
  ETIMEDOUT: "timeout",
  ETIMEOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "closed",
  ENOTFOUND: "name_not_found",
  ENODATA: "name_not_found",
  EAI_NODATA: "name_not_found",
  EAI_AGAIN: "resolver_away",
  EAI_FAIL: "resolver_away",
  ESERVFAIL: "resolver_away",
  ENETUNREACH: "no_route",
  ENETDOWN: "no_route",
  EAFNOSUPPORT: "no_route",
  EADDRNOTAVAIL: "no_ports",
  EMFILE: "no_descriptors",
  ENFILE: "no_descriptors",
  ENOBUFS: "no_memory",
  ENOMEM: "no_memory",
  HPE_INVALID_CONSTANT: "protocol",
  EPROTO: "tls_handshake",
  EPERM: "not_permitted",
  EACCES: "not_permitted",
};

export function failFrom(error: Error): Outcome {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  const cause = codes[code];
  if (cause !== undefined) return fail(cause);
  if (code.startsWith("HPE_")) return fail("protocol", error.message);
  return fail("failed", code);
}

/** An answer of any kind proves that the way there is open; silence proves nothing. */
export function isSilence({ verdict, cause }: Outcome): boolean {
  return verdict === "down" && (cause === "timeout" || cause === "unreachable");
}

/** What a stranger sent, made fit for one line of an event: printable, without escapes, bounded. */
export function cleanText(text: string, most = 200): string {
  const clean = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\uFFFD]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return clean.length > most ? `${clean.slice(0, most - 1).trimEnd()}…`.toWellFormed() : clean;
}
