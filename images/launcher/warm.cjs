// While an image is built: runs a tool as somebody waits for it, beside something that takes any command for an RPUSH,
// and keeps the code that V8 compiled for that. What an earlier run of the same tool kept stays.
//   warm.cjs START TOOL WORD…
//
// The same bundle gives the same bytes: V8's seeds, which order its tables, are fixed meanwhile, and Sparkplug rests,
// which marks what it has compiled on a thread of its own. Where the tools run neither may be so (whoever knows the
// hash seed can flood a table), and V8 takes a cache only under the flags that made it: so both are done under the usual.
// Nor may it be a matter of how busy the machine is which time-outs fall due: here none does.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
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

/** statfs(2). */
const ext4 = 0xef53;

function warm() {
  for (const timer of ["setTimeout", "setInterval"]) {
    const usually = globalThis[timer];
    globalThis[timer] = (work, ms, ...more) => usually(work, ms * 1000, ...more);
  }
  // Where an image is built there is no disk that a spool could lie on; where the tool runs there is.
  fs.statfsSync = () => ({ type: ext4 });
  const { Script } = vm;
  vm.Script = function (...told) {
    return underUsualFlags(() => new Script(...told));
  };
  const broker = createServer((socket) => {
    socket.on("data", () => socket.write(":1\r\n")).on("error", () => {});
  });
  broker.listen(0, "127.0.0.1", () => {
    // As one-shots have it: settings in the environment, and a spool, in which nothing waits.
    process.env.MOUSTASH_CONFIG = "none";
    process.env.MOUSTASH_SPOOL = join(tmpdir(), "moustash-warm-none");
    process.env.MOUSTASH_REDIS_IP = "127.0.0.1";
    process.argv = [node, start, tool, "--redis-port", String(broker.address().port), ...words];
    process.on("exit", () => {
      const { cache, script } = require(start);
      fs.writeFileSync(
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
