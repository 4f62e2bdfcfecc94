// What a target looked like when it was last well, and what is different now. Pure.
import type { Evidence, Outcome, Trace } from "./outcome.ts";

/** What identifies a target: what is worth telling when it differs. */
const identity = [
  "address",
  "certificate_sha256",
  "tls_protocol",
  "banner",
  "http_server",
  "answers",
] as const;

export type Face = Partial<Record<(typeof identity)[number], string>>;
export type Change = Partial<
  Record<(typeof identity)[number], { readonly before: string; readonly now: string }>
>;

export function faceOf({ evidence }: Outcome, { address }: Readonly<Trace>): Face | undefined {
  if (evidence === undefined && address === undefined) return undefined;
  const seen: Evidence = { ...(address === undefined ? undefined : { address }), ...evidence };
  const face: Face = {};
  for (const name of identity) {
    const value = seen[name];
    if (value !== undefined) face[name] = typeof value === "object" ? value.join(", ") : String(value);
  }
  return face;
}

/** Undefined where nothing that both have differs. */
export function compare(before: Face | undefined, now: Face | undefined): Change | undefined {
  if (before === undefined || now === undefined) return undefined;
  const change: Change = {};
  let differs = false;
  for (const name of identity) {
    const [old, recent] = [before[name], now[name]];
    if (old === undefined || recent === undefined || old === recent) continue;
    change[name] = { before: old, now: recent };
    differs = true;
  }
  return differs ? change : undefined;
}

/** What kinds add under `cuir`: docs/CUIR.md is made of this, and the contract of probes asks for it. */
export const evidenceFields: Readonly<Record<string, string>> = {
  addresses:
    "Each address of the name that was asked, with what it answered and how soon (where there are several).",
  banner: "The first line that came (exchange, udp, unix).",
  tls_protocol: "The protocol agreed on.",
  tls_cipher: "The cipher agreed on.",
  certificate_sha256: "The certificate's fingerprint.",
  certificate_subject: "Whose it is.",
  certificate_issuer: "Who signed it.",
  certificate_names: "The names that it is for.",
  certificate_expires: "Its last moment.",
  certificate_days: "Whole days until then; negative when it is over.",
  http_status: "The last answer's status.",
  http_server: "Its `Server` header.",
  redirects: "How many redirects were followed.",
  redirected_to: "Where the last one led.",
  answers: "The records (dns), sorted.",
};
