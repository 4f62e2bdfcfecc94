// What one probe found: a verdict, its cause in one word, and how far it came.
import { type Cause, type Verdict, causes } from "./cause.ts";

/** How far a probe had come when it ended. */
export type Step = "resolve" | "connect" | "tls" | "send" | "receive" | "done";

/** What a probe says of itself beside its verdict: plain JSON, bounded and cleaned. */
export type Evidence = { readonly [name: string]: string | number | boolean | readonly string[] };

export interface Outcome {
  readonly verdict: Verdict;
  readonly cause?: Cause;
  /** What was said or seen, for people; cleaned, one line. */
  readonly detail?: string;
  readonly evidence?: Evidence;
}

/** What a probe writes while it goes: read when it ends, or when its deadline ends it. Milliseconds, monotonic. */
export interface Trace {
  step: Step;
  startMs: number;
  dnsMs?: number;
  connectMs?: number;
  tlsMs?: number;
  firstByteMs?: number;
  totalMs?: number;
  address?: string;
  /** The last words that came, for the day when they are not the expected ones. */
  heard?: string;
}

/** The one outcome that most probes have: it costs nothing. */
export const up: Outcome = Object.freeze({ verdict: "up" });

export function fail(cause: Cause, detail?: string, evidence?: Evidence): Outcome {
  return {
    verdict: causes[cause].verdict,
    cause,
    ...(detail === undefined ? undefined : { detail: cleanText(detail) }),
    ...(evidence === undefined ? undefined : { evidence }),
  };
}

/** Error codes of connect(2), getaddrinfo(3) and libuv, to causes. */
const codes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: "refused",
  ENOENT: "no_socket",
  ENOTDIR: "no_socket",
  // connect(2): so says a Unix socket whose backlog is full.
  EAGAIN: "busy",
  ETIMEDOUT: "timeout",
  ETIMEOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "closed",
  ENOTFOUND: "name_not_found",
  ENODATA: "name_not_found",
  EAI_NODATA: "name_not_found",
  EAI_AGAIN: "resolver_away",
  EAI_FAIL: "resolver_away",
  ESERVFAIL: "resolver_away",
  ENETUNREACH: "no_route",
  ENETDOWN: "no_route",
  EAFNOSUPPORT: "no_route",
  // A route of the type blackhole (rtnetlink(7)), or an interface's name that there is not.
  EINVAL: "no_route",
  EADDRNOTAVAIL: "no_ports",
  EADDRINUSE: "no_ports",
  EMFILE: "no_descriptors",
  ENFILE: "no_descriptors",
  ENOBUFS: "no_memory",
  ENOMEM: "no_memory",
  EAI_MEMORY: "no_memory",
  HPE_INVALID_CONSTANT: "protocol",
  EPROTO: "tls_handshake",
  EPERM: "not_permitted",
  EACCES: "not_permitted",
};

export function failFrom(error: Error): Outcome {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  const cause = codes[code];
  if (cause !== undefined) return fail(cause);
  if (code.startsWith("HPE_")) return fail("protocol", error.message);
  return fail("failed", code);
}

/** The deadline came: what was waited for, with the words that came until then though they were not it. */
export function late({ step, heard }: Readonly<Trace>): Outcome {
  const words = heard === undefined || heard === "" ? undefined : `heard: ${heard}`;
  return fail(step === "resolve" ? "resolver_away" : "timeout", words);
}

/** It answers, with or without something to say. */
export function isGood(outcome: Outcome | undefined): boolean {
  return outcome?.verdict === "up" || outcome?.verdict === "degraded";
}

/** An answer of any kind proves that the way there is open; silence proves nothing. */
export function isSilence({ verdict, cause }: Outcome): boolean {
  return verdict === "down" && (cause === "timeout" || cause === "unreachable");
}

/** What a stranger sent, made fit for one line of an event: printable, without escapes, bounded. */
export function cleanText(text: string, most = 200): string {
  const clean = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\uFFFD]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return clean.length > most ? `${clean.slice(0, most - 1).trimEnd()}…`.toWellFormed() : clean;
}
