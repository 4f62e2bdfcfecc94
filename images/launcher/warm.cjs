// While an image is built: runs a tool as somebody waits for it, beside something that takes any command for an RPUSH,
// and keeps the code that V8 compiled for that. What an earlier run of the same tool kept stays.
//   warm.cjs START TOOL WORD…
const { writeFileSync } = require("node:fs");
const { createServer } = require("node:net");

const [node, , start, tool, ...words] = process.argv;
const broker = createServer((socket) => {
  socket.on("data", () => socket.write(":1\r\n")).on("error", () => {});
});
broker.listen(0, "127.0.0.1", () => {
  const port = String(broker.address().port);
  const settings = ["--config", "none", "--spool", "none", "--redis-ip", "127.0.0.1", "--redis-port", port];
  process.argv = [node, start, tool, ...settings, ...words];
  process.on("exit", () => {
    const { cache, script } = require(start);
    writeFileSync(cache, script.createCachedData());
    process.exitCode = 0;
  });
  require(start);
});
