// A thread for tests: a service that counts how often it was opened and closed, and rests when it may.
import { parentPort } from "node:worker_threads";
import { serveThread } from "../../src/thread.ts";

serveThread(parentPort!, {
  counter: ({ memory }: { memory: Int32Array }) => {
    let busy = false;
    Atomics.add(memory, 0, 1);
    return {
      verbs: {
        echo: async (value: number) => value,
        keep: async (value: boolean) => void (busy = value),
        fail: async () => {
          throw new Error("a bug");
        },
        die: async () => process.exit(3),
      },
      atRest: () => !busy,
      close: async () => void Atomics.add(memory, 1, 1),
    };
  },
});
