// The tables of docs/CUIR.md, made from the code's own: kinds of probe, ready-made exchanges, causes, fields.
import { readyMade } from "../src/probe/dialogue.ts";
import { evidenceFields } from "../src/probe/evidence.ts";
import { kinds } from "../src/probe/kinds.ts";
import { causes } from "../src/probe/cause.ts";
import { proberFields } from "../src/probe/notices.ts";
import { fields } from "../src/probe/report.ts";

export const cuirPage = new URL("../docs/CUIR.md", import.meta.url);

const tables: Readonly<Record<string, () => string>> = {
  kinds: () =>
    table(
      ["kind", "written as", "is up when"],
      Object.entries(kinds).map(([name, { written, help }]) => [`\`${name}\``, written, help]),
    ),
  exchanges: () =>
    table(
      ["URL", "port", "what is said"],
      Object.entries(readyMade).map(([name, { port, help }]) => [`\`${name}://\``, String(port), help]),
    ),
  causes: () =>
    table(
      ["cause", "verdict", "layer", "means"],
      Object.entries(causes).map(([name, { verdict, layer, help }]) => [`\`${name}\``, verdict, layer, help]),
    ),
  fields: () =>
    table(
      ["field", "holds"],
      Object.entries(fields).map(([name, help]) => [`\`cuir.${name}\``, help]),
    ),
  prober: () =>
    table(
      ["field", "holds"],
      Object.entries(proberFields).map(([name, help]) => [`\`cuir.${name}\``, help]),
    ),
  evidence: () =>
    table(
      ["field", "holds"],
      Object.entries(evidenceFields).map(([name, help]) => [`\`cuir.${name}\``, help]),
    ),
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

/** The page's text with each table between its marks made anew. */
export function renderCuirPage(text: string): string {
  const missing = new Set(Object.keys(tables));
  const rendered = text.replaceAll(
    /(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, end: string) => {
      const make = tables[name];
      if (make === undefined) throw new Error(`docs/CUIR.md asks for a table "${name}", which is not made`);
      missing.delete(name);
      return `${open}\n${make()}\n${end}`;
    },
  );
  if (missing.size > 0) throw new Error(`no place for the tables: ${[...missing].join(", ")}`);
  return rendered;
}
