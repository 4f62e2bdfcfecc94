// The base of every error that a person sees, and the exit codes of the contract (after sysexits.h).

export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 64,
  data: 65,
  unavailable: 69,
  full: 74,
  pending: 75,
  credentials: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An expected trouble: `code` is a literal to compare with, `message` tells a person what to do, no stack is shown. */
export class MoustashError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, exitCode: ExitCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** Wrong words on the command line (64). */
export class UsageError extends MoustashError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("usage", exitCodes.usage, message, options);
  }
}
