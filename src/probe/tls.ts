// The probe of TLS: a handshake, and a certificate that is trusted, for the right name, and good for some days yet.
import { openLine, peerName, secureLine } from "./line.ts";
import { type Outcome, fail, isGood, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";
import { readTrust } from "./trust.ts";

/** In TLS 1.3 a server refuses the client after the client's handshake is over: so long it may take. */
const refusalMs = 1000;

export const tls: Kind = (target) => {
  const trust = readTrust(target.values);
  const name = peerName(target);
  const mustRefuse = target.values.tls_expect === "client_certificate";
  return (to, trace, report) => {
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    function end(outcome: Outcome) {
      if (over) return;
      cancel();
      if (isGood(outcome)) trace.step = "done";
      report(mustRefuse && isRefusal(outcome) ? { ...up, detail: "client certificate demanded" } : outcome);
    }
    function cancel() {
      over = true;
      clearTimeout(timer);
      socket.destroy();
    }
    const socket = openLine({ to, port: target.port }, trace, {
      opened(line) {
        secureLine(
          line,
          { name, trust, trace },
          {
            secured(secure, peer) {
              if (!mustRefuse || peer.verdict === "down") return end(peer);
              secure.on("data", () => end(fail("tls_open", undefined, peer.evidence)));
              secure.on("end", () => end(fail("closed", undefined, peer.evidence)));
              timer = setTimeout(() => end(fail("tls_open", undefined, peer.evidence)), refusalMs);
            },
            failed: end,
          },
        );
      },
      failed: end,
    });
    return cancel;
  };
};

/** RFC 8446 §6.2 has an alert of its own for it; before, it was handshake_failure (RFC 5246 §7.4.6). */
function isRefusal({ cause, detail = "" }: Outcome): boolean {
  return (
    cause === "tls_client_certificate" ||
    (cause === "tls_handshake" && /alert handshake failure/.test(detail))
  );
}
