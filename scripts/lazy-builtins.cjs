// Stands at the top of the bundle: Node's heavier modules are loaded with their first use, not where they are named.
const lazyBuiltins = new Set(
  "assert child_process cluster crypto dns fs/promises http https net os perf_hooks readline sqlite string_decoder timers/promises tls tty v8 worker_threads zlib".split(
    " ",
  ),
);
const requireNow = require;
require = (name) => {
  if (!lazyBuiltins.has(name.replace(/^node:/, "")))
    return process.getBuiltinModule(name) ?? requireNow(name);
  let loaded;
  const load = () => (loaded ??= process.getBuiltinModule(name));
  // A function, for some modules are one.
  return new Proxy(() => {}, {
    get: (_, key) => load()[key],
    has: (_, key) => key in load(),
    apply: (_, self, args) => Reflect.apply(load(), self, args),
    ownKeys: () => Reflect.ownKeys(load()),
    getOwnPropertyDescriptor(_, key) {
      const found = Reflect.getOwnPropertyDescriptor(load(), key);
      return found && { ...found, configurable: true };
    },
  });
};
// The same clock as the global one, whose first use loads the whole of node:perf_hooks.
// oxlint-disable-next-line no-unused-vars -- by the bundle that follows
const performance = {
  now() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
};
