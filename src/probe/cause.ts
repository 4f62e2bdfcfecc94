// Why a probe ended as it did: one word each, whose trouble it is, and where it lives. The documentation is made of it.

/**
 * `up` and `down` are the target's, `degraded` is up with something to say; `unknown` is our own trouble and is
 * never held against the target.
 */
export type Verdict = "up" | "down" | "degraded" | "unknown";

/** Where in the stack a cause lives. */
export type Layer = "prober" | "name" | "network" | "tls" | "application" | "rule";

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
    help: "This machine has no route to that network (an IPv6 address without IPv6 here, for one), or one that leads nowhere.",
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
    help: "A firewall, route or security profile of this machine, or a Unix socket's permissions, forbid the connection.",
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
  busy: {
    verdict: "down",
    layer: "network",
    text: "takes no more connections",
    help: "The server behind a Unix socket takes no connections: its queue of them is full.",
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
    help: "An error of the system that has no word here, such as a Unix socket of another type; `detail` has its code.",
  },
} as const satisfies Record<string, CauseEntry>;

export type Cause = keyof typeof causes;
