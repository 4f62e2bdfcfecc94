// The bundle's one entry: the first word, which the launcher gives, names the tool; each loads only what is its own.

const tools = {
  cuir: () => import("./cuir.ts"),
  fouet: () => import("./fouet.ts"),
  panpan: () => import("./panpan.ts"),
};

function start(): void {
  const name = process.argv[2];
  if (name === undefined || !Object.hasOwn(tools, name)) {
    process.stderr.write(`moustash: the first word must be ${Object.keys(tools).join(", ")}\n`);
    process.exit(64);
  }
  void tools[name as keyof typeof tools]().then(({ main }) => main());
}

start();
