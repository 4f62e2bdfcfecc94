// Listens on the ports that it is given, on all addresses, and says when it does: listeners.ts PORT…
import { createServer } from "node:net";

const ports = process.argv.slice(2).map(Number);
await Promise.all(
  ports.map(
    (port) =>
      new Promise<void>((resolve) => {
        const server = createServer((socket) => {
          socket.on("error", () => {}).resume();
        });
        server.listen(port, "::", resolve);
      }),
  ),
);
console.log("listening");
