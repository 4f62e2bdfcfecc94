// The limit of a listener in Node: each notification, unread, in an RPUSH through a bare socket, and OK when that is
// answered. No parsing, no id, no library.
//   listener.ts PORT KEY
import { connect } from "node:net";

const [, , port, key] = process.argv as unknown as [string, string, string, string];
const redis = connect({ host: "127.0.0.1", port: Number(port), noDelay: true });

let seq = 0;
process.stdin.on("data", (bytes: Buffer) => {
  seq += 1;
  const event = JSON.stringify({
    "@timestamp": new Date().toISOString(),
    "@version": 1,
    message: bytes.toString(),
    host: "bench",
    type: "fouet",
    tags: ["fouet"],
    moustash: { schema: 1, seq, notify: false },
  });
  redis.write(`*3\r\n$5\r\nRPUSH\r\n$${key.length}\r\n${key}\r\n$${event.length}\r\n${event}\r\n`);
});
redis.on("connect", () => process.stdout.write("READY\n"));
redis.on("data", () => process.stdout.write("RESULT 2\nOKREADY\n"));
process.on("SIGTERM", () => process.exit());
