// What is said and expected in an exchange: payloads, patterns, dialogues, and the ready-made ones. Pure.

export type DialogueStep =
  /** `not`: an answer that settles it as wrong at once, where others are waited for. */
  | { readonly is: "expect"; readonly pattern: RegExp; readonly not?: RegExp }
  | { readonly is: "send"; readonly payload: Buffer }
  | { readonly is: "starttls" };

const escapes: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "0": "\0", "\\": "\\" };

/** Text with `\r \n \t \0 \\ \xNN` to bytes. */
export function parsePayload(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const [, hex, letter, plain] of text.matchAll(/\\x([0-9a-f]{2})|\\(.)|([^\\]+)|\\$/gis)) {
    if (hex !== undefined) parts.push(Buffer.from(hex, "hex"));
    else if (plain !== undefined) parts.push(Buffer.from(plain));
    else {
      const escaped = letter === undefined ? undefined : escapes[letter];
      if (escaped === undefined)
        throw new Error(`"\\${letter ?? ""}" is no escape: \\r \\n \\t \\0 \\\\ and \\xNN are`);
      parts.push(Buffer.from(escaped));
    }
  }
  return Buffer.concat(parts);
}

/** A regular expression, as it stands or as `/…/i`. */
export function parsePattern(text: string): RegExp {
  const [, source, flags] = /^\/(.*)\/([imsu]*)$/s.exec(text) ?? [];
  try {
    return source === undefined ? new RegExp(text, "m") : new RegExp(source, flags);
  } catch (error) {
    throw new Error(`"${text}" is no regular expression (${(error as Error).message})`, { cause: error });
  }
}

export function parseDialogue(text: string): readonly DialogueStep[] {
  const steps = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(parseStep);
  if (steps.length === 0) throw new Error("it is empty: write lines of expect REGEX, send TEXT, starttls");
  return steps;
}

function parseStep(line: string): DialogueStep {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
  switch (word.toLowerCase()) {
    case "expect":
      return { is: "expect", pattern: parsePattern(rest) };
    case "send":
      return { is: "send", payload: parsePayload(rest) };
    case "starttls":
      return { is: "starttls" };
    default:
      // What follows may be a password.
      throw new Error(`a line begins with "${word}": it must begin with expect, send or starttls`);
  }
}

export interface ReadyMade {
  readonly port: number;
  /** Whether TLS comes before the first word. */
  readonly tls: boolean;
  readonly steps: readonly DialogueStep[];
  readonly help: string;
}

const expect = (pattern: RegExp, not?: RegExp): DialogueStep =>
  not === undefined ? { is: "expect", pattern } : { is: "expect", pattern, not };
const send = (text: string): DialogueStep => ({ is: "send", payload: Buffer.from(text, "latin1") });
const starttls: DialogueStep = { is: "starttls" };

// RFC 5321 §4.2: a reply is one or more lines `250-…`, the last with a space.
const smtpGood = (code: number) =>
  expect(new RegExp(`^${code}(?: [^\\n]*)?\\r?\\n`, "m"), /^[45]\d\d[ -][^\n]*\n/m);
const smtpHello = [smtpGood(220), send("EHLO cuir.invalid\r\n"), smtpGood(250)];
const smtpBye = [send("QUIT\r\n"), smtpGood(221)];
// RFC 9051 §7.1; RFC 1939 §3.
const imapHello = expect(/^\* (?:OK|PREAUTH)[^\n]*\n/m, /^\* BYE[^\n]*\n/m);
const imapBye = [send("z LOGOUT\r\n"), expect(/^z OK[^\n]*\n/m, /^z (?:NO|BAD)[^\n]*\n/m)];
const popHello = expect(/^\+OK[^\n]*\n/m, /^-ERR[^\n]*\n/m);
const popBye = [send("QUIT\r\n"), popHello];
// A server that asks for a password is alive all the same, and says so.
const redisPing = [send("PING\r\n"), expect(/^(?:\+PONG|-NOAUTH [^\r]*)\r\n/m, /^-[^\r]*\r\n/m)];
// RFC 4253 §4.2: lines before the banner are allowed.
const sshBanner = [expect(/^SSH-(?:2\.0|1\.99)-[^\n]*\n/m), send("SSH-2.0-cuir\r\n")];
// PostgreSQL, protocol flow, SSL session encryption: SSLRequest is answered by one byte.
const postgresRequest = [send("\0\0\0\u0008\u0004\u00D2\u0016\u002F"), expect(/^[SN]/)];

/** The ready-made exchanges, by their URL's scheme. */
export const readyMade = {
  smtp: { port: 25, tls: false, steps: [...smtpHello, ...smtpBye], help: "SMTP: 220, EHLO, 250, QUIT." },
  smtps: { port: 465, tls: true, steps: [...smtpHello, ...smtpBye], help: "The same inside TLS." },
  "smtp+starttls": {
    port: 25,
    tls: false,
    steps: [
      ...smtpHello,
      send("STARTTLS\r\n"),
      smtpGood(220),
      starttls,
      send("EHLO cuir.invalid\r\n"),
      smtpGood(250),
      ...smtpBye,
    ],
    help: "SMTP that must offer STARTTLS; the certificate is judged.",
  },
  imap: { port: 143, tls: false, steps: [imapHello, ...imapBye], help: "IMAP: greeting, LOGOUT." },
  imaps: { port: 993, tls: true, steps: [imapHello, ...imapBye], help: "The same inside TLS." },
  "imap+starttls": {
    port: 143,
    tls: false,
    steps: [
      imapHello,
      send("y STARTTLS\r\n"),
      expect(/^y OK[^\n]*\n/m, /^y (?:NO|BAD)[^\n]*\n/m),
      starttls,
      ...imapBye,
    ],
    help: "IMAP that must offer STARTTLS; the certificate is judged.",
  },
  pop3: { port: 110, tls: false, steps: [popHello, ...popBye], help: "POP3: greeting, QUIT." },
  pop3s: { port: 995, tls: true, steps: [popHello, ...popBye], help: "The same inside TLS." },
  redis: { port: 6379, tls: false, steps: redisPing, help: "Redis: PING is answered, by PONG or by NOAUTH." },
  rediss: { port: 6379, tls: true, steps: redisPing, help: "The same inside TLS." },
  ssh: { port: 22, tls: false, steps: sshBanner, help: "SSH: the server's banner." },
  postgres: { port: 5432, tls: false, steps: postgresRequest, help: "PostgreSQL: SSLRequest is answered." },
  "postgres+tls": {
    port: 5432,
    tls: false,
    steps: [postgresRequest[0]!, expect(/^S/, /^N/), starttls],
    help: "PostgreSQL that must offer TLS; the certificate is judged.",
  },
} as const satisfies Record<string, ReadyMade>;
