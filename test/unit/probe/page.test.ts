// docs/CUIR.md says what the code does, and every option that it shows is read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cuirPage, renderCuirPage } from "../../../scripts/cuir-page.ts";
import { settings, targetSettings } from "../../../src/probe/settings.ts";
import { parseTarget } from "../../../src/probe/target.ts";

const text = readFileSync(cuirPage, "utf8");

test("holds the tables as they are: else run npm run docs", () => {
  assert.equal(text, renderCuirPage(text));
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
