// The index templates and the events: each field of every kind of event is of one kind, and mapped as what it is. What is
// not mapped gets the mapping of its first value, which refuses or cuts those that follow.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type Json, documentedFields, sampleEvents } from "./samples.ts";

interface Mapping {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Record<string, Mapping>;
}

type Kind = "object" | "date" | "text" | "whole" | "fraction" | "truth";

function kindOf(value: Json): Kind {
  if (Array.isArray(value)) return kindOf(value[0]!);
  if (typeof value === "object") return "object";
  if (typeof value === "number") return Number.isInteger(value) ? "whole" : "fraction";
  if (typeof value === "boolean") return "truth";
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? "date" : "text";
}

/** What may hold a fraction, though the sample should not. */
const measured = /_(?:ms|percent)$/;
const flat = ["flattened", "flat_object"];
const fits: Record<Kind, readonly (string | undefined)[]> = {
  object: ["object", ...flat, undefined],
  date: ["date"],
  text: ["keyword", "text", undefined],
  whole: ["long", "integer", "short", "float", "date", undefined],
  fraction: ["float"],
  truth: ["boolean", undefined],
};

const templates = [
  "compose/logstash/store/template.json",
  "compose/logstash/store/template-ecs.json",
  "compose/elasticsearch/opensearch-template.json",
  "compose/elasticsearch/opensearch-template-ecs.json",
];
const samples = sampleEvents();

/** Each field below the tool's object: its path and its values in all kinds of events. */
const seen = new Map<string, Json[]>();
function walk(path: string, value: Json) {
  seen.set(path, [...(seen.get(path) ?? []), value]);
  if (kindOf(value) === "object" && !Array.isArray(value))
    for (const [name, inner] of Object.entries(value as object)) walk(`${path}.${name}`, inner as Json);
}
for (const { tool, event } of samples) walk(tool, event[tool]!);

test("the pages of Cuir and Fouet list every field of the samples, and no other", () => {
  const namesIn = (tool: string) =>
    [...seen.keys()]
      .filter((path) => path.split(".").length === 2 && path.startsWith(tool))
      .map((path) => path.slice(tool.length + 1));
  assert.deepEqual(new Set(documentedFields), new Set(namesIn("cuir")));
  const page = readFileSync("docs/FOUET.md", "utf8");
  const table = page.slice(page.indexOf("## What an event holds"), page.indexOf("### How a process died"));
  const listed = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  );
  assert.deepEqual(new Set(listed), new Set(namesIn("fouet")));
});

test("a field is of one kind in all events: an index refuses what is now an object and now a text", () => {
  for (const [path, values] of seen) {
    const kinds = new Set(values.map(kindOf).map((kind) => (kind === "fraction" ? "whole" : kind)));
    assert.equal(kinds.size, 1, `${path}: ${[...kinds].join(", ")}`);
  }
});

describe("each field is mapped as what it is", () => {
  for (const file of templates) {
    const { properties } = (
      JSON.parse(readFileSync(file, "utf8")) as {
        template: { mappings: { properties: Record<string, Mapping> } };
      }
    ).template.mappings;
    const mappingOf = (path: string) => {
      let mapping: Mapping | undefined = { properties };
      for (const name of path.split(".")) {
        if (mapping?.type !== undefined && flat.includes(mapping.type)) return "flat";
        mapping = mapping?.properties?.[name];
      }
      return mapping;
    };
    test(file, () => {
      for (const [path, values] of seen) {
        const mapping = mappingOf(path);
        if (mapping === "flat") continue;
        const type = mapping?.type ?? (mapping?.properties && "object");
        for (const value of values) {
          const kind = measured.test(path) ? "fraction" : kindOf(value);
          assert.ok(fits[kind].includes(type), `${path} is ${kind}, mapped as ${type ?? "nothing"}`);
          if (type === "date")
            assert.equal(mapping?.format, kind === "whole" ? "epoch_second" : undefined, path);
        }
      }
    });
    test(`${file} maps no field that there is not`, () => {
      const look = (path: string, { properties: inner }: Mapping) => {
        assert.ok(seen.has(path), `${path} is in no event`);
        for (const [name, mapping] of Object.entries(inner ?? {})) look(`${path}.${name}`, mapping);
      };
      for (const tool of ["cuir", "fouet"]) look(tool, properties[tool]!);
    });
  }
});
