// HTML by tagged templates: whatever is filled in is escaped, but what was made here. Pure.

export interface Markup {
  readonly markup: string;
}

export type Filling = string | number | Markup | readonly Filling[] | undefined | false;

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function html(texts: TemplateStringsArray, ...fillings: readonly Filling[]): Markup {
  const dense = densified.get(texts) ?? densify(texts);
  let markup = dense[0]!;
  for (const [index, filling] of fillings.entries()) markup += fill(filling) + dense[index + 1]!;
  return { markup };
}

const densified = new WeakMap<TemplateStringsArray, readonly string[]>();

/** Lines and their indentation are for those who read the source. */
function densify(texts: TemplateStringsArray): readonly string[] {
  const dense = texts.map((text) => text.replaceAll(/\s*\n\s*/g, " ").replaceAll("> <", "><"));
  densified.set(texts, dense);
  return dense;
}

function fill(filling: Filling): string {
  if (filling === undefined || filling === false) return "";
  if (typeof filling === "number") return String(filling);
  if (typeof filling === "string") return escape(filling);
  if ("markup" in filling) return filling.markup;
  return filling.map(fill).join("");
}

/** Controls and directional overrides are no text of ours: they could make a name look like another. */
const unseen = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function escape(text: string): string {
  return text.replaceAll(unseen, "�").replaceAll(/[&<>"']/g, (character) => escapes[character]!);
}
