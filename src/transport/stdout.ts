// The transport for pipes and trials: each event a line on standard output.
import type { Writable } from "node:stream";
import { type Transport, TransportError } from "./transport.ts";

/**
 * Resolves once the lines are handed to the pipe or file; a reader that went away is `unavailable`.
 * What a pipe was given cannot be taken back: while it holds on to the lines of a send that timed out, no other is
 * written, so that the first copies stay in order.
 */
export function connectStdout(out: Writable = process.stdout): Transport {
  let writing: Promise<Error | undefined> | undefined;
  // Said by the callback of the write; without a listener it would end the process.
  const ignore = () => {};
  out.on("error", ignore);

  function write(text: string): Promise<Error | undefined> {
    return new Promise((resolve) => {
      out.write(text, (error) => {
        writing = undefined;
        resolve(error ?? undefined);
      });
    });
  }

  return {
    name: "stdout",
    async send(envelopes, { timeoutMs }) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Error>((resolve) => {
        timer = setTimeout(() => resolve(new Error(`nobody reads (${timeoutMs} ms)`)), timeoutMs);
      });
      try {
        let error = await Promise.race([writing, late]);
        if (!error && envelopes.length > 0) {
          writing = write(envelopes.map(({ body }) => `${body}\n`).join(""));
          error = await Promise.race([writing, late]);
        }
        if (error) throw new TransportError("unavailable", `stdout: ${error.message}`, { cause: error });
        return { rejected: [] };
      } finally {
        clearTimeout(timer);
      }
    },
    [Symbol.asyncDispose]() {
      out.off("error", ignore);
      return Promise.resolve();
    },
  };
}
