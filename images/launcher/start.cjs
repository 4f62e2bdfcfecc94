// Runs the bundle from code that V8 compiled when the image was built (warm.cjs): compiling it anew would be a third of
// what a message costs. V8 refuses code of another version or other flags; then the bundle is compiled as usual.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const bundle = join(__dirname, "moustash.cjs");
const cache = join(__dirname, `${process.argv[2]}.cache`);

/** Bytes of the tool's cache, or undefined where there is none. */
function compiled() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

// The bundle is pure ASCII, and its first line stays the first: stacks name its lines.
const text = readFileSync(bundle, "latin1");
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, {
  filename: bundle,
  cachedData: compiled(),
});

// The bundle takes this file for its own: a thread that it starts begins here too.
script.runInThisContext()(exports, require, module, __filename, __dirname);

module.exports = { cache, script };
