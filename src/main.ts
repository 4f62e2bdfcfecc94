// The bundle's one entry: the first word, which the launcher gives, names the tool; each loads only what is its own.
import { parentPort, workerData } from "node:worker_threads";
import { isDiskThread, serveDisk } from "./disk.ts";

const tools = {
  cuir: () => import("./cuir.ts"),
  fouet: () => import("./fouet.ts"),
  panpan: () => import("./panpan.ts"),
};

function start(): void {
  const name = process.argv[2];
  // Asked for last: loading what tells it costs a start more than the rest of this file.
  if (name === undefined && isDiskThread(workerData)) return serveDisk(parentPort!);
  if (name === undefined || !Object.hasOwn(tools, name)) {
    process.stderr.write(`moustash: the first word must be ${Object.keys(tools).join(", ")}\n`);
    process.exit(64);
  }
  void tools[name as keyof typeof tools]().then(({ main }) => main());
}

start();
