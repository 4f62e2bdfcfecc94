// A wait that an abort ends.

/** Resolves after so long, or when `signal` aborts; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    signal.addEventListener("abort", done, { once: true });
  });
}
