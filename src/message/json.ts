// JSON in, without loss: a number that a double cannot hold keeps its digits. Pure.

/** Digits or exponents that may not survive Number(). */
const delicate = /\d{16}|\d[eE]|\.\d{15}/;

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
type ExactJson = { rawJSON(text: string): unknown; parse(text: string, reviver: Reviver): unknown };

/** JSON.parse, but `12345678901234567890` is written again as it was read. */
export function parseJson(text: string): unknown {
  if (!delicate.test(text)) return JSON.parse(text);
  const exact = JSON as unknown as ExactJson;
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? exact.rawJSON(source)
      : value,
  );
}

/** What is wrong with a text that is no JSON, short: the parser quotes the whole of it. */
export function explainJson(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, "?\.{0,3}.*"? is not valid JSON$/s, "").replace(/\s+$/, "");
}
