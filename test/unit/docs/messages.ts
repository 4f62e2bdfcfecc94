// Finds in the sources what is said when a process ends by an expected error: the messages of every MoustashError that is
// made, with `…` for what is filled in.
import { globSync, readFileSync } from "node:fs";

export interface Message {
  readonly file: string;
  readonly text: string;
}

/** Classes that are made with a message for people: MoustashError and what extends it. */
export function findMessages(): Message[] {
  const files = globSync("src/**/*.ts").toSorted();
  const sources = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
  const classes = new Set(["MoustashError"]);
  for (const source of sources.values())
    for (const [, name] of source.matchAll(/class (\w+) extends MoustashError/g)) classes.add(name!);
  const found: Message[] = [];
  for (const [file, source] of sources) {
    for (const match of source.matchAll(/new (\w+)\(/g)) {
      if (!classes.has(match[1]!)) continue;
      const { literals } = scanCall(source, match.index + match[0].length);
      // Codes are one word; a message has several.
      for (const text of literals) if (/\S \S/.test(text)) found.push({ file, text });
    }
  }
  // What brokers answer is turned into ours by tables of sentences.
  for (const [file, source] of sources) {
    if (!/transport\/[\w-]+-errors\.ts$/.test(file)) continue;
    const code = source.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, (comment) => " ".repeat(comment.length));
    for (let at = 0; at < code.length; at += 1) {
      if (code[at] !== '"' && code[at] !== "`") {
        if (code[at] === "/" && /[[(,\s]/.test(code[at - 1]!))
          at += /^\/(?:\\.|\[[^\]]*\]|[^/\n\\])*\/|^./.exec(code.slice(at))![0].length - 1;
        continue;
      }
      const { text, end } = scanLiteral(code, at);
      if (text.split(" ").length >= leastWordsOfSentence && !text.includes("=>")) found.push({ file, text });
      at = end - 1;
    }
  }
  return found;
}

const leastWordsOfSentence = 4;

/** Literals at the call's own level: those inside `${…}` and nested calls belong to what is filled in. */
function scanCall(source: string, from: number): { literals: string[]; end: number } {
  const literals: string[] = [];
  let at = from;
  let depth = 0;
  while (at < source.length) {
    const character = source[at]!;
    if (character === '"' || character === "'" || character === "`") {
      const literal = scanLiteral(source, at);
      if (depth === 0) literals.push(literal.text);
      at = literal.end;
    } else if (character === "(" || character === "[" || character === "{") {
      depth += 1;
      at += 1;
    } else if (character === ")" || character === "]" || character === "}") {
      if (depth === 0) return { literals, end: at };
      depth -= 1;
      at += 1;
    } else at += 1;
  }
  return { literals, end: at };
}

function scanLiteral(source: string, from: number): { text: string; end: number } {
  const quote = source[from]!;
  let text = "";
  let at = from + 1;
  while (source[at] !== quote) {
    if (source[at] === "\\") {
      text += source[at + 1] === "n" ? " " : source[at + 1];
      at += 2;
    } else if (quote === "`" && source.startsWith("${", at)) {
      let depth = 1;
      at += 2;
      while (depth > 0) {
        const character = source[at]!;
        if (character === "`" || character === '"' || character === "'") {
          at = scanLiteral(source, at).end;
          continue;
        }
        if (character === "{") depth += 1;
        if (character === "}") depth -= 1;
        at += 1;
      }
      text += "…";
    } else {
      text += source[at];
      at += 1;
    }
  }
  return { text, end: at + 1 };
}
