// While an image is built: runs a tool as somebody waits for it, beside something that takes any command for an RPUSH,
// and keeps the code that V8 compiled for that. What an earlier run of the same tool kept stays.
//   warm.cjs START TOOL WORD…
//
// The same bundle gives the same bytes: V8's seeds, which order its tables, are fixed meanwhile, and Sparkplug rests,
// which marks what it has compiled on a thread of its own. Where the tools run neither may be so (whoever knows the
// hash seed can flood a table), and V8 takes a cache only under the flags that made it: so both are done under the usual.
const { spawnSync } = require("node:child_process");
const { writeFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { setFlagsFromString } = require("node:v8");
const vm = require("node:vm");

const steady = ["--random-seed=1", "--hash-seed=1", "--no-sparkplug"];
const usual = ["--random-seed=0", "--hash-seed=0", "--sparkplug"];

const [node, , start, tool, ...words] = process.argv;
if (process.execArgv.includes(steady[0])) warm();
else {
  const again = [...process.execArgv, ...steady, ...process.argv.slice(1)];
  process.exitCode = spawnSync(node, again, { stdio: "inherit" }).status ?? 1;
}

function warm() {
  const { Script } = vm;
  vm.Script = function (...told) {
    return underUsualFlags(() => new Script(...told));
  };
  const broker = createServer((socket) => {
    socket.on("data", () => socket.write(":1\r\n")).on("error", () => {});
  });
  broker.listen(0, "127.0.0.1", () => {
    const port = String(broker.address().port);
    const settings = ["--config", "none", "--spool", "none", "--redis-ip", "127.0.0.1", "--redis-port", port];
    process.argv = [node, start, tool, ...settings, ...words];
    process.on("exit", () => {
      const { cache, script } = require(start);
      writeFileSync(
        cache,
        underUsualFlags(() => script.createCachedData()),
      );
      process.exitCode = 0;
    });
    require(start);
  });
}

function underUsualFlags(work) {
  for (const flag of usual) setFlagsFromString(flag);
  const result = work();
  for (const flag of steady) setFlagsFromString(flag);
  return result;
}
