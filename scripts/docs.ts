// Writes the tables of docs/CONFIGURATION.md and docs/CUIR.md anew from the code's own; what stands around them stays.
//   npm run docs
import { readFileSync, writeFileSync } from "node:fs";
import { documentedTables } from "../src/commands/sections.ts";
import { cuirPage, renderCuirPage } from "./cuir-page.ts";
import type { Setting, Settings } from "../src/setting.ts";

export const page = new URL("../docs/CONFIGURATION.md", import.meta.url);

/** The page's text with each table between `<!-- table: name -->` and `<!-- end -->` made anew. */
export function renderTables(text: string): string {
  const found = new Set<string>();
  const rendered = text.replaceAll(
    /(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: keyof typeof documentedTables, end: string) => {
      found.add(name);
      return `${open}\n${renderTable(documentedTables[name])}\n${end}`;
    },
  );
  const missing = Object.keys(documentedTables).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`no place for the tables: ${missing.join(", ")}`);
  return rendered;
}

function renderTable(settings: Settings): string {
  const rows = Object.entries(settings).map(([key, setting]) => {
    const names = [key, ...(setting.aliases ?? [])].map((name) => `\`${name}\``).join(", ");
    return `| ${names} | ${defaultOf(setting)} | ${meaningOf(setting)} |`;
  });
  return ["| key | default | meaning |", "| --- | --- | --- |", ...rows, ""].join("\n");
}

function defaultOf({ default: text }: Setting): string {
  return text === undefined || text === "" ? "" : `\`${text}\``;
}

function meaningOf({ help, secret }: Setting): string {
  return `${help}${secret ? " *Secret: never a flag, never shown.*" : ""}`.replaceAll("|", String.raw`\|`);
}

if (import.meta.main) {
  writeFileSync(page, renderTables(readFileSync(page, "utf8")));
  writeFileSync(cuirPage, renderCuirPage(readFileSync(cuirPage, "utf8")));
}
