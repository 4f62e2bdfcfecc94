// A mail server that takes everything and prints each mail's lines (RFC 5321): runs on any Node, also in a container.
import { createServer } from "node:net";

createServer((socket) => {
  let inData = false;
  let rest = "";
  const say = (line) => socket.write(`${line}\r\n`);
  socket.setEncoding("utf8").on("error", () => {});
  socket.on("data", (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (inData) {
        console.log(line);
        if (line !== ".") continue;
        inData = false;
        say("250 taken");
      } else if (/^data/i.test(line)) {
        inData = true;
        say("354 go on");
      } else if (/^quit/i.test(line)) {
        say("221 bye");
        socket.end();
      } else say("250 sink");
    }
  });
  say("220 sink");
}).listen(Number(process.argv[2] ?? 2525));
