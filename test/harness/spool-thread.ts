// The entry of a spool's thread in tests that have no program around it.
import { parentPort, workerData } from "node:worker_threads";
import { isSpoolThread, serveSpool } from "../../src/spool/worker.ts";

if (isSpoolThread(workerData)) serveSpool(parentPort!, workerData);
