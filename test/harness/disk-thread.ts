// The entry of the disk's thread in tests that have no program around it.
import { parentPort, workerData } from "node:worker_threads";
import { isDiskThread, serveDisk } from "../../src/disk.ts";

if (isDiskThread(workerData)) serveDisk(parentPort!);
