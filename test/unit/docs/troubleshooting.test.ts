// Whatever ends a process with an expected error can be looked up by its words in docs/TROUBLESHOOTING.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cuirSections, fouetSections, panpanSections } from "../../../src/commands/sections.ts";
import type { Settings } from "../../../src/setting.ts";
import { findMessages } from "./messages.ts";

/** The words that are the same in every case; what is filled in may lie anywhere between them. */
const plain = (text: string) => text.replaceAll("\\|", "|").replaceAll(/\s+/g, " ");
const page = plain(readFileSync("docs/TROUBLESHOOTING.md", "utf8"));

/** A message with fewer words of its own says nothing that could be looked up: others' words are in it. */
const leastWords = 3;

test("every message of an error that ends a process is in the page", () => {
  const messages = findMessages();
  assert.ok(messages.length > 40, "the sources were found");
  const missing = messages.filter(({ text }) => {
    const words = plain(text)
      .split("…")
      .map((part) => part.trim())
      .filter((part) => /\w{2}/.test(part));
    if (words.join(" ").split(" ").length < leastWords) return false;
    return !words.every((part) => page.includes(part));
  });
  assert.deepEqual(missing, [], "add them to docs/TROUBLESHOOTING.md");
});

test("the page links to places that there are", () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    );
  for (const page of ["TROUBLESHOOTING", "DOCKER", "KUBERNETES", "MIGRATING", "MONITORING"]) {
    const text = readFileSync(`docs/${page}.md`, "utf8");
    for (const [, file, anchor] of text.matchAll(/\]\(((?!https?:)[^)#]*)(?:#([^)]*))?\)/g)) {
      const path = new URL(`../../../docs/${file === "" ? `${page}.md` : file}`, import.meta.url);
      if (path.pathname.endsWith("/")) continue;
      const target = readFileSync(path, "utf8");
      if (anchor !== undefined) assert.ok(anchors(target).includes(anchor), `${page}: ${file}#${anchor}`);
    }
  }
});

test("settings that the pages name with a value are there, and take it", () => {
  const tables: Settings[] = [
    cuirSections.Moustash,
    cuirSections.Cuir,
    fouetSections.Fouet,
    panpanSections.Panpan,
  ];
  let count = 0;
  for (const page of ["TROUBLESHOOTING", "DOCKER", "KUBERNETES", "MIGRATING", "MONITORING"]) {
    const text = readFileSync(`docs/${page}.md`, "utf8");
    for (const [, key, value] of text.matchAll(/`([a-z_]+) = ([^`…:]+)`/g)) {
      if (key === "key") continue;
      const having = tables.flatMap((table) => table[key!] ?? []);
      assert.ok(having.length > 0, `${page}: ${key} is no setting`);
      const takes = having.some((setting) => {
        try {
          setting.parse(value!);
          return true;
        } catch {
          return false;
        }
      });
      assert.ok(takes || /[A-Z]/.test(value!), `${page}: ${key} does not take ${value}`);
      count += 1;
    }
  }
  assert.ok(count > 10, `${count} were found`);
});
