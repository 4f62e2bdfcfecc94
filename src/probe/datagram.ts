// A UDP socket that is connected, so that what keeps this machine from sending shows before anything is sent.
import type { Address } from "./address.ts";
import type { Socket } from "node:dgram";
import { type Outcome, failFrom } from "./outcome.ts";

/** One of the two is called, never before this returns; `failed` also for an error that comes later. */
export function openDatagram(
  { address, family }: Address,
  port: number,
  { opened, failed }: { opened: (socket: Socket) => void; failed: (outcome: Outcome) => void },
): () => void {
  const socket = process.getBuiltinModule("node:dgram").createSocket(family === 6 ? "udp6" : "udp4");
  let isOpen = true;
  function close() {
    if (isOpen) socket.close();
    isOpen = false;
  }
  function end(error: Error) {
    if (!isOpen) return;
    close();
    failed(failFrom(error));
  }
  socket.on("error", end);
  socket.connect(port, address, (error?: Error) => {
    if (error) end(error);
    else if (isOpen) opened(socket);
  });
  return close;
}
