// While an image is built: says a message to nobody, and keeps the code that V8 compiled for it beside the bundle.
const { writeFileSync } = require("node:fs");

const start = "/opt/moustash/lib/start.cjs";
// A broker that refuses is enough: the way to it is compiled.
const words = [
  "--config",
  "none",
  "--spool",
  "none",
  "--redis-ip",
  "127.0.0.1",
  "--redis-port",
  "1",
  "warm up",
];
process.argv = [process.argv[0], start, "panpan", ...words];
process.on("exit", () => {
  const { cache, script } = require(start);
  writeFileSync(cache, script.createCachedData());
  process.exitCode = 0;
});
require(start);
