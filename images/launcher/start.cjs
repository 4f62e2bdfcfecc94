// Runs the bundle from code that V8 compiled when the image was built (warm.cjs): compiling it anew would be a third of
// what a message costs. V8 refuses code of another version or other flags; then the bundle is compiled as usual.
const { closeSync, fstatSync, openSync, readFileSync, readSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const tool = join(__dirname, process.argv[2]);
const bundle = `${tool}.cjs`;
const cache = `${tool}.cache`;

/** Bytes of the tool's cache, or undefined where there is none. */
function compiled() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

/** The bundle as a function: put together in bytes, for V8 would copy a text of joined pieces once more. */
function source() {
  // The bundle's first line stays the first: stacks name its lines.
  const head = "(function (exports, require, module, __filename, __dirname) {";
  const tail = "\n})";
  const file = openSync(bundle, "r");
  const { size } = fstatSync(file);
  const bytes = Buffer.allocUnsafeSlow(head.length + size + tail.length);
  bytes.latin1Write(head);
  for (let read = 0; read < size;) {
    const more = readSync(file, bytes, head.length + read, size - read, null);
    if (more === 0) throw new Error(`${bundle} became shorter while it was read`);
    read += more;
  }
  closeSync(file);
  bytes.latin1Write(tail, head.length + size);
  // It is pure ASCII.
  return bytes.latin1Slice();
}

const script = new Script(source(), { filename: bundle, cachedData: compiled() });

// The bundle takes this file for its own: a thread that it starts begins here too.
script.runInThisContext()(exports, require, module, __filename, __dirname);

module.exports = { cache, script };
