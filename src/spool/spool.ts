// What a spool is: where accepted events wait for the broker, in order. Its implementations stand beside it.
import type { Envelope } from "../envelope.ts";
import { MoustashError, type ExitCode, exitCodes } from "../errors.ts";

export interface Spool extends AsyncDisposable {
  /** Whether what it holds outlives this process and its container: only then is an added event accepted. */
  readonly durable: boolean;
  /**
   * Adds in order, and resolves once all that was admitted is committed (with fsync where durable).
   * What is refused for want of room comes back, in order: first come the repeats (above 80 %), at 100 % every
   * event from some point on, so that no later event of a run overtakes an earlier one.
   * Rejects with a SpoolError where nothing could be written; then nothing of the batch was.
   */
  add(envelopes: readonly Envelope[]): Promise<Admission>;
  /** How many rows of this run wait. */
  waiting(run: string): Promise<number>;
  /**
   * Takes the right to drain; undefined while another process has it. The right dies with its holder.
   */
  drain(): Promise<Drain | undefined>;
  /** Removes rows that the broker acknowledged after they were added. */
  remove(envelopes: readonly Envelope[]): Promise<void>;
  /** Puts aside, for a person to read and replay, what the broker refuses for good; committed when it resolves. */
  reject(envelope: Envelope, reason: string): Promise<void>;
  /** Keeps, for who asks what waits, why it does; never rejects. */
  note(reason: string): Promise<void>;
  status(): Promise<SpoolStatus>;
}

export interface Admission {
  readonly refused: readonly Envelope[];
}

export interface Drain extends AsyncDisposable {
  /**
   * The oldest rows that this drain has not given yet, first in first; none are removed. Rows added since the right was
   * taken may be left out. Empty says that none wait only when all that was given is removed.
   */
  next(most: { readonly count: number; readonly bytes: number }): Promise<readonly Envelope[]>;
  /** A batch that was given. */
  remove(envelopes: readonly Envelope[]): Promise<void>;
}

export interface SpoolStatus {
  readonly count: number;
  readonly bytes: number;
  readonly mostBytes: number;
  /** When the oldest waiting event happened. */
  readonly oldestAtMs?: number;
  readonly rejected: number;
  /** Why what waits could not be delivered when that was last tried. */
  readonly lastError?: { readonly atMs: number; readonly reason: string };
}

export type SpoolErrorCode = "spool_full" | "spool_unwritable" | "spool_unsafe" | "spool_corrupt";

/** The disk said no; `message` names the directory, its owner, our uid and the remedy. */
export class SpoolError extends MoustashError {
  declare readonly code: SpoolErrorCode;

  constructor(code: SpoolErrorCode, message: string, options: { cause?: unknown; exitCode?: ExitCode } = {}) {
    super(code, options.exitCode ?? exitCodes.full, message, options);
  }
}

/** Admission has two levels: above this part of the room, repeats are refused. */
export const repeatsUntil = 0.8;
