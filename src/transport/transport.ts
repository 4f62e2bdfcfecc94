// What a transport is: our code that hands batches to one broker. Its implementations stand beside it.
import type { Envelope } from "../envelope.ts";
import { MoustashError, exitCodes } from "../errors.ts";

/**
 * Invariants of every implementation (the contract, §4):
 * - `send` connects where there is no connection; it never retries, never queues: backoff belongs to ship.
 * - Events of one key or queue are written in the order given.
 * - When `send` rejects, its connection is destroyed first (reset, not closed), so that nothing which it carried
 *   can be written after the caller goes on. What was written before may be there: a repeat, with the same id.
 * - The caller has one `send` under way at a time.
 */
export interface Transport extends AsyncDisposable {
  /** For people: `redis://db.example.com:6379/0 logstash:moustash`, without secrets. */
  readonly name: string;
  /** Resolves once the broker has acknowledged each event but the rejected; rejects with a TransportError. */
  send(envelopes: readonly Envelope[], options: { readonly timeoutMs: number }): Promise<Sent>;
}

export interface ConnectOptions<V> {
  /** The settings as they read now; called before each connection but the first, for rotated secrets. */
  readonly reread?: () => Promise<V> | V;
  /** Whether 127.0.0.1 is a container's own; found out where it is left out. */
  readonly inContainer?: boolean;
}

export interface Sent {
  /** What the broker refuses for good: too large, key of another type. Never for a passing reason. */
  readonly rejected: readonly { readonly envelope: Envelope; readonly reason: string }[];
  /** Length of the list after the write, where the broker told it. */
  readonly listLength?: number;
}

/** `unavailable`: away or overloaded, tries go on. `credentials`: it refuses us. `misconfigured`: it will never do. */
export type TransportErrorCode = "unavailable" | "credentials" | "misconfigured";

const exits = {
  unavailable: exitCodes.unavailable,
  credentials: exitCodes.credentials,
  misconfigured: exitCodes.configuration,
} as const;

/** The broker did not take it; `message` says which, why and what to do. */
export class TransportError extends MoustashError {
  declare readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, exits[code], message, options);
  }
}
