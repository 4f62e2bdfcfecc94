// The last lines of a stream, bounded; as a person would have seen them at its end. Pure.

export interface Tail {
  add(chunk: Uint8Array): void;
  lines(): readonly string[];
}

const mostLineLength = 1000;

/** Keeps the last `mostLines` lines of at most `mostBytes` bytes together. */
export function createTail({
  mostLines,
  mostBytes = 16_384,
}: {
  mostLines: number;
  mostBytes?: number;
}): Tail {
  let kept: Buffer = Buffer.alloc(0);
  return {
    add(chunk) {
      const end = chunk.subarray(Math.max(0, chunk.length - mostBytes));
      const old = kept.subarray(Math.max(0, kept.length + end.length - mostBytes));
      kept = Buffer.concat([old, end]);
    },
    lines() {
      // The first of what is kept may be the end of a longer line: it stays, for it may be all there is.
      const lines = kept
        .toString("utf8")
        .replace(/^\uFFFD+/, "")
        .split("\n")
        .map(seen);
      if (lines.at(-1) === "") lines.pop();
      return mostLines === 0 ? [] : lines.slice(-mostLines);
    },
  };
}

/** CSI and OSC sequences (ECMA-48 §5.4, xterm): colours, cursor, titles. */
// oxlint-disable-next-line no-control-regex
const sequences = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\^_])/g;

/** What is left on the screen: the last state of a progress bar, without colours. */
function seen(line: string): string {
  const plain = line.replaceAll(sequences, "").replace(/\r+$/, "");
  return plain
    .slice(plain.lastIndexOf("\r") + 1)
    .slice(0, mostLineLength)
    .toWellFormed();
}

export const masked = "***";

/** What commonly holds a secret: passwords in options, assignments, headers and URLs. */
const commonSecrets = [
  /(?<=\b(?:authorization|proxy-authorization)\s*:\s*(?:bearer|basic|token)\s+)\S+/giu,
  /(?<=\b[\w-]*(?:password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key)["']?\s*[=:]\s*["']?)[^\s"',;]+/giu,
  /(?<=(?:^|\s)--?[\w-]*(?:password|passwd|passphrase|secret|token|api[-_]?key)\s+)[^\s-]\S*/giu,
  /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s/@]+(?=@)/giu,
];

/** How the name of what holds a secret ends. PWD itself is a folder. */
const secretName =
  "(?:password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|sshpass|(?<![a-z])pass|[-_]pwd)";
const secretOption = new RegExp(`^--?[\\w-]*${secretName}$`, "iu");
const secretAssignment = new RegExp(
  `^(?:-{0,2}[\\w.-]*${secretName}\\s*[=:]|(?:proxy-)?authorization\\s*:)\\s*`,
  "iu",
);
/** curl's, and others': `name:password`. */
const userOption = /^(?:-u|--user|--proxy-user)$/u;
const userWord = /^(?!\d+:\d+$)[^:/]*:(?!\/\/)/u;

/** A command's words in one line: here it is known where a secret ends, whatever is in it. */
export function maskWords(words: readonly string[], patterns: readonly RegExp[]): string {
  const shown = words.map((word, index) => {
    const before = words[index - 1] ?? "";
    if (secretOption.test(before) && !word.startsWith("-")) return masked;
    const known = secretAssignment.exec(word) ?? (userOption.test(before) ? userWord.exec(word) : undefined);
    return known && known[0].length < word.length ? `${known[0]}${masked}` : word;
  });
  return mask(shown.join(" "), patterns);
}

/** Puts `***` where a pattern matches, and where a secret commonly stands. */
export function mask(text: string, patterns: readonly RegExp[]): string {
  return [...patterns, ...commonSecrets].reduce(
    (masking, pattern) => masking.replaceAll(pattern, masked),
    text,
  );
}
