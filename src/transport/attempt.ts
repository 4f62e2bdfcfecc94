// One try among several: a server that does not answer soon makes room for the next.
import { TransportError } from "./transport.ts";

/** How long one of several may take to answer before the next is tried. */
const attemptMs = 1500;

/** Rejects with a TransportError, or with the signal's reason. */
export async function attempt<T>(
  what: string,
  signal: AbortSignal,
  connect: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const soon = AbortSignal.timeout(attemptMs);
  try {
    return await connect(AbortSignal.any([signal, soon]));
  } catch (error) {
    signal.throwIfAborted();
    if (!soon.aborted || error instanceof TransportError) throw error;
    throw new TransportError("unavailable", `${what} did not answer within ${attemptMs} ms`);
  }
}
