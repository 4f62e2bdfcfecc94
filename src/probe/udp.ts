// The probe of UDP: a payload is sent, and only the expected answer counts as up; silence is never taken for life.
import { openDatagram } from "./datagram.ts";
import { type Outcome, cleanText, fail, failFrom, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";

/** What one datagram holds: 65,535 bytes without the headers of IPv4 and UDP. */
export const mostPayload = 65_507;

export const udp: Kind = ({ port, values }) => {
  const { send = Buffer.alloc(0), expect } = values;
  return (to, trace, report) => {
    let over = false;
    let sentMs = 0;
    trace.step = "connect";
    const close = openDatagram(to, port, {
      opened(socket) {
        socket.on("message", (message) => hear(message.toString("utf8")));
        trace.step = "send";
        sentMs = performance.now();
        socket.send(send, (error) => {
          if (error) end(failFrom(error));
          else trace.step = "receive";
        });
        // libuv hides ENOBUFS and tries again for ever; yet a socket that is new has room for one datagram.
        if (socket.getSendQueueCount() > 0) end(fail("no_memory"));
      },
      failed: end,
    });

    function end(outcome: Outcome) {
      if (over) return;
      cancel();
      report(outcome);
    }

    function cancel() {
      over = true;
      close();
    }

    function hear(text: string) {
      if (over) return;
      trace.firstByteMs ??= performance.now() - sentMs;
      // A late answer to another question is no verdict: the right one may still come.
      if (!expect?.test(text)) {
        trace.heard = cleanText(text);
        return;
      }
      trace.step = "done";
      end({ ...up, evidence: { banner: cleanText(text) } });
    }

    return cancel;
  };
};
