// What processes wrote, made fit for an event: cleaned, bounded, secrets masked. Pure.

const masked = "••••";

/** What looks like a secret; the first group, where there is one, is kept. */
const secrets: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)/gi,
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi,
  /(["']?\b[\w-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)\w{0,20}["']?\s{0,3}[=:]\s{0,3})(?:"[^"\n]*"|'[^'\n]*'|(?!(?:bearer|basic)\s)[^\s,;&]+)/gi,
  /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g,
  /\b(?:AKIA|ASIA)[A-Z\d]{16}\b/g,
  /\bgh[pousr]_\w{20,}\b/g,
];

export function maskSecrets(text: string, also?: RegExp): string {
  let result = text;
  for (const pattern of secrets) {
    result = result.replaceAll(
      pattern,
      (_, kept: unknown) => (typeof kept === "string" ? kept : "") + masked,
    );
  }
  return also ? result.replaceAll(also, masked) : result;
}

/** ECMA-48: control sequences, operating system commands, and two-character escapes. */
// eslint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[\d;:<=>?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** No escape sequences, no control characters; a line that was drawn over itself (`\r`) shows its last state. */
export function cleanText(text: string): string {
  return text
    .replaceAll(escapes, "")
    .replaceAll("\r\n", "\n")
    .replaceAll(/[^\n]*\r(?=[^\n])/g, "")
    .replaceAll("\r", "")
    .replaceAll(controls, "");
}

/** The last whole lines of a log's end, at most so many bytes. */
export function lastLines(
  bytes: Uint8Array,
  { mostBytes, cut, mask }: { mostBytes: number; cut: boolean; mask?: RegExp | undefined },
): string {
  const text = cleanText(new TextDecoder().decode(bytes)).trimEnd();
  // The first line of a piece that was cut is half a line, and half a secret is not recognised as one.
  const whole = cut && text.includes("\n") ? text.slice(text.indexOf("\n") + 1) : text;
  const lines: string[] = [];
  let room = mostBytes;
  for (const line of maskSecrets(whole, mask).split("\n").toReversed()) {
    room -= Buffer.byteLength(line) + 1;
    if (room < 0 && lines.length > 0) break;
    lines.unshift(room < 0 ? line.slice(-mostBytes) : line);
    if (room < 0) break;
  }
  return lines.join("\n");
}
