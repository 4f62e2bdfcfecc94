// What the disk's thread runs, bundled apart: a thread that ran the whole program would hold all of it once more.
import { parentPort } from "node:worker_threads";
import { serveSpool } from "./spool/worker.ts";
import { serveStore } from "./store/worker.ts";
import { serveThread } from "./thread.ts";

serveThread(parentPort!, { spool: serveSpool, store: serveStore });
