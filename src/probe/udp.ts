// The probe of UDP: a payload is sent, and only the expected answer counts as up; silence is never taken for life.
import { cleanText, failFrom, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";

export const udp: Kind = ({ port, values }) => {
  const dgram = process.getBuiltinModule("node:dgram");
  const { send, expect } = values;
  return ({ address, family }, trace, report) => {
    const socket = dgram.createSocket(family === 6 ? "udp6" : "udp4");
    let over = false;
    let sentMs = 0;
    const cancel = () => {
      if (!over) socket.close();
      over = true;
    };
    socket.on("error", (error) => {
      if (over) return;
      cancel();
      report(failFrom(error));
    });
    socket.on("message", (message) => {
      if (over) return;
      trace.firstByteMs ??= performance.now() - sentMs;
      const text = message.toString("utf8");
      // A late answer to another question is no verdict: the right one may still come.
      if (!expect?.test(text)) {
        trace.heard = cleanText(text);
        return;
      }
      cancel();
      trace.step = "done";
      report({ ...up, evidence: { banner: cleanText(text) } });
    });
    trace.step = "connect";
    socket.connect(port, address, (error?: Error) => {
      if (over) return;
      if (error) {
        cancel();
        return report(failFrom(error));
      }
      trace.step = "send";
      sentMs = performance.now();
      socket.send(send ?? Buffer.alloc(0), (failure) => {
        if (over) return;
        if (failure) {
          cancel();
          report(failFrom(failure));
        } else trace.step = "receive";
      });
    });
    return cancel;
  };
};
