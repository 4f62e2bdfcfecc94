// What --doctor finds on the way to the reader.
import { TransportError, type TransportErrorCode } from "./transport.ts";

export interface Finding {
  /** ok: looked at, and well. warning: events get through, but something will hurt. error: no event gets through. */
  readonly level: "ok" | "warning" | "error";
  /** What was looked at: `connection`, `key`, `eviction`, … */
  readonly subject: string;
  /** One sentence; of an error, with what to do. */
  readonly message: string;
  /** What to do, where the message does not say it. */
  readonly remedy?: string;
  /** Of an error: whose fault it is. */
  readonly code?: TransportErrorCode;
}

/** The findings of one check: what it throws is an error to report, and no more. */
export async function examine(
  subject: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    const known = error instanceof TransportError ? error : passing(error);
    return [{ level: "error", subject, message: known.message, code: known.code }];
  }
}

/** What a socket or a server said between two questions; anything else is a bug of ours. */
function passing(error: unknown): TransportError {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name !== "ReplyError" && typeof code !== "string") throw error;
  return new TransportError("unavailable", message, { cause: error });
}

/** Of a certificate's `valid_to`: enough, little or no time. */
export function judgeExpiry(validTo: string, issuer: string, nowMs: number): Finding {
  const days = Math.floor((Date.parse(validTo) - nowMs) / 86_400_000);
  const message = `its certificate, issued by ${issuer}, is valid for ${days} more days (until ${validTo})`;
  return days < 14
    ? { level: "warning", subject: "TLS", message, remedy: "renew it before it ends" }
    : { level: "ok", subject: "TLS", message };
}
