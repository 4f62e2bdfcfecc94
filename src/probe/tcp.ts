// The seed's probe: a TCP connection stands, and is closed again.
import { failFrom, up } from "./outcome.ts";
import type { Kind, Probe } from "./probe.ts";

export const tcp: Kind = ({ port }) => connectTcp(port);

export function connectTcp(port: number): Probe {
  const net = process.getBuiltinModule("node:net");
  return ({ address, family }, trace, report) => {
    trace.step = "connect";
    const beganMs = performance.now();
    const socket = net.connect({ host: address, port, family, autoSelectFamily: false });
    // destroy() without an error is silent: after it neither handler runs.
    socket.on("connect", () => {
      trace.connectMs = performance.now() - beganMs;
      trace.step = "done";
      socket.destroy();
      report(up);
    });
    socket.on("error", (error) => {
      socket.destroy();
      report(failFrom(error));
    });
    return () => {
      socket.destroy();
    };
  };
}
