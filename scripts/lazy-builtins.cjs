// Stands at the top of the bundle: Node's heavier modules are loaded with their first use, not where they are named.
const lazyBuiltins = new Set(
  "assert child_process cluster crypto dns fs/promises http https net os perf_hooks readline string_decoder timers/promises tls tty v8 worker_threads zlib".split(
    " ",
  ),
);
const requireNow = require;
require = (name) => {
  if (!lazyBuiltins.has(name.replace(/^node:/, ""))) return requireNow(name);
  let loaded;
  const load = () => (loaded ??= requireNow(name));
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
