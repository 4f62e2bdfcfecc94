// docs/CUIR.md says what the code does, and every option that it shows is read.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { cuirPage, renderCuirPage } from "../../../scripts/cuir-page.ts";
import { causes } from "../../../src/probe/cause.ts";
import { settings, targetSettings } from "../../../src/probe/settings.ts";
import { parseTarget } from "../../../src/probe/target.ts";

const text = readFileSync(cuirPage, "utf8");

test("holds the tables as they are: else run npm run docs", () => {
  assert.equal(text, renderCuirPage(text));
});

test("each cause of the table is had for real: an integration test waits for it", () => {
  const folder = new URL("../../integration/", import.meta.url);
  const names = readdirSync(folder).filter((name) => /^(?:probe-|cuir).*\.test\.ts$/.test(name));
  const tests = names.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  // The table beside blackbox_exporter is held to what was found, so a cause in it was had too.
  const table = /## Beside blackbox_exporter\n([^]*?)\n## /.exec(text)![1]!;
  const isExpected = (cause: string) =>
    new RegExp(`"(?:(?:unknown|down|degraded) )?${cause}"`).test(tests) || table.includes(`: ${cause} |`);
  assert.deepEqual(
    Object.keys(causes).filter((cause) => !isExpected(cause)),
    [],
  );
});

test("its query for several places is JSON", () => {
  const [, query = ""] = /one query:\n\n((?: {4}.*\n)+)/.exec(text) ?? [];
  assert.ok("aggs" in JSON.parse(query));
});

test("its INI examples are targets and options that there are", () => {
  const known = { ...settings, ...targetSettings } as Readonly<
    Record<string, { parse: (value: string) => unknown }>
  >;
  let lines = 0;
  for (const [, block = ""] of text.matchAll(/```ini\n([\s\S]*?)```/g)) {
    for (const [, line, more = ""] of block.matchAll(/^(\S[^\n]*)((?:\n[ \t]+\S[^\n]*)*)/gm)) {
      if (/^[[#;]/.test(line!)) continue;
      lines += 1;
      const [, key = "", value = ""] = /^([^:=]+?)\s*[:=]\s*(.*?)(?:\s;.*)?$/.exec(line!) ?? [];
      if (key === "include") continue;
      if (key in known) known[key]!.parse(`${value}${more}`.trim());
      else parseTarget(key, value);
    }
  }
  assert.ok(lines > 20);
});
