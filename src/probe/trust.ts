// Whom a probe trusts, and what it makes of a certificate: chain, name, days to the end.
import type {
  PeerCertificate,
  SecureContext,
  SecureContextOptions,
  SecureVersion,
  TLSSocket,
} from "node:tls";
import type { Cause } from "./cause.ts";
import { type Evidence, type Outcome, cleanText, fail, failFrom, up } from "./outcome.ts";
import type { TargetValues } from "./settings.ts";

export interface Trust {
  /** Made at the first use, and used again until the files say something else: it is dear. */
  readonly context: () => SecureContext;
  readonly verify: boolean;
  readonly days: number;
}

const defaultDays = 14;
const versionNames: Readonly<Record<string, SecureVersion>> = {
  tlsv1: "TLSv1",
  "tlsv1.1": "TLSv1.1",
  "tlsv1.2": "TLSv1.2",
  "tlsv1.3": "TLSv1.3",
};

/** Certificates that are renewed are seen so soon; a look is no more than stat(2). */
const defaultLookMs = 10_000;

/**
 * Reads the files that are named, and again where they were replaced; throws where one cannot be read, and `context`
 * where one is not what it should be. While they are being replaced, what was read before goes on.
 */
export function readTrust(values: TargetValues, { lookMs = defaultLookMs } = {}): Trust {
  let stamp = stampOf(values);
  const options = readOptions(values);
  let context: SecureContext | undefined;
  let lookedMs = performance.now();

  function look() {
    lookedMs = performance.now();
    try {
      const now = stampOf(values);
      if (now === stamp) return;
      context = contextOf(readOptions(values));
      stamp = now;
    } catch {
      // One is away, or the certificate is the new one and the key still the old: the next look will tell.
    }
  }

  return {
    verify: values.tls_verify ?? true,
    days: values.tls_days ?? defaultDays,
    context() {
      if (stamp !== "" && performance.now() - lookedMs >= lookMs) look();
      return (context ??= contextOf(options));
    },
  };
}

const contextOf = (options: SecureContextOptions): SecureContext =>
  process.getBuiltinModule("node:tls").createSecureContext(options);

/** Another text where a file was written or replaced; empty where none is named. */
function stampOf({ tls_ca: ca, tls_cert: cert, tls_key: key }: TargetValues): string {
  const { statSync } = process.getBuiltinModule("node:fs");
  return [ca, cert, key]
    .filter((path) => path !== undefined)
    .map((path) => {
      const { dev, ino, size, mtimeMs } = statSync(path);
      return [dev, ino, size, mtimeMs].join(" ");
    })
    .join("\n");
}

function readOptions(values: TargetValues): SecureContextOptions {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const { tls_ca: ca, tls_cert: cert, tls_key: key, tls_versions: versions } = values;
  const inOrder = Object.keys(versionNames).filter((one) =>
    (versions as readonly string[] | undefined)?.includes(one),
  );
  return {
    ...(ca === undefined ? undefined : { ca: readFileSync(ca) }),
    ...(cert === undefined ? undefined : { cert: readFileSync(cert) }),
    ...(key === undefined ? undefined : { key: readFileSync(key) }),
    ...(inOrder.length === 0
      ? undefined
      : { minVersion: versionNames[inOrder[0]!]!, maxVersion: versionNames[inOrder.at(-1)!]! }),
  };
}

/** OpenSSL's X509_V_ERR_* and Node's own, to causes; all others mean that the chain is not trusted. */
const verifyCauses: Readonly<Record<string, Cause>> = {
  CERT_HAS_EXPIRED: "tls_expired",
  CERT_NOT_YET_VALID: "tls_not_yet_valid",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls_name",
};

export function judgePeer(socket: TLSSocket, { verify, days }: Trust): Outcome {
  const certificate = socket.getPeerCertificate();
  const evidence = tell(socket, certificate);
  // Typed as an Error, it is the code where there is one.
  const error = socket.authorizationError as unknown as string | Error | undefined | null;
  if (verify && error) {
    const code = typeof error === "string" ? error : ((error as NodeJS.ErrnoException).code ?? error.message);
    return fail(verifyCauses[code] ?? "tls_untrusted", describe(code, certificate), evidence);
  }
  const left = evidence["certificate_days"];
  if (verify && typeof left === "number" && left < days)
    return fail("tls_expires_soon", `${left} days left`, evidence);
  return { ...up, evidence };
}

function describe(code: string, certificate: PeerCertificate): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return certificate.subjectaltname ?? certificate.subject?.CN?.toString() ?? "no name";
  if (code === "CERT_HAS_EXPIRED") return `since ${certificate.valid_to}`;
  return code.toLowerCase().replaceAll("_", " ");
}

const dayMs = 86_400_000;

function tell(socket: TLSSocket, certificate: PeerCertificate): Evidence {
  const protocol = socket.getProtocol();
  const told = {
    ...(protocol === null ? undefined : { tls_protocol: protocol }),
    tls_cipher: socket.getCipher()?.name ?? "",
  };
  // Without a certificate (a resumed or anonymous session) the object is empty.
  if (!certificate?.fingerprint256) return told;
  const endsMs = Date.parse(certificate.valid_to);
  return {
    ...told,
    certificate_sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    certificate_subject: cleanText(nameOf(certificate.subject)),
    certificate_issuer: cleanText(nameOf(certificate.issuer)),
    certificate_names: cleanText(certificate.subjectaltname ?? ""),
    certificate_expires: new Date(endsMs).toISOString(),
    certificate_days: Math.floor((endsMs - Date.now()) / dayMs),
  };
}

function nameOf(subject: PeerCertificate["subject"] | undefined): string {
  const { CN, O } = subject ?? {};
  return String(CN ?? O ?? "");
}

/** What went wrong before or after the certificate could be looked at. */
export function failFromTls(error: Error): Outcome {
  const { code = "" } = error as NodeJS.ErrnoException;
  const reason = (error as { reason?: string }).reason ?? error.message;
  if (
    /certificate.?required|alert.?(?:bad|unknown|no).?certificate|CERTIFICATE_REQUIRED|ALERT_BAD_CERTIFICATE|ALERT_UNKNOWN_CA/i.test(
      `${code} ${reason}`,
    )
  )
    return fail("tls_client_certificate", reason);
  if (code.startsWith("ERR_SSL") || code === "EPROTO" || code.startsWith("ERR_TLS"))
    return fail("tls_handshake", reason);
  return failFrom(error);
}
