// How options say what an event is.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Draft, createEvents } from "../../../src/event.ts";
import { createBoundedEvents, cutToJsonBytes } from "../../../src/message/bound.ts";
import { parseField } from "../../../src/message/field.ts";
import { type WordingOptions, firstLine, parseWording, toDraft } from "../../../src/message/wording.ts";

const plain: WordingOptions = {
  program: undefined,
  source: undefined,
  tag: [],
  field: [],
  level: undefined,
  notify: undefined,
  file: undefined,
  type: "panpan",
  id: undefined,
};
const frame = { host: "web-1", format: "logstash" } as const;

test("defaults: panpan, from this host, for nobody in particular", () => {
  const draft = toDraft(parseWording(plain, frame), { message: "m", atMs: 0 });
  assert.deepEqual(
    [draft.program, draft.source, draft.tags, draft.notify],
    ["panpan", "web-1", ["panpan"], false],
  );
});

test("words win over options", () => {
  const wording = parseWording(
    { ...plain, program: "o", source: "o", notify: true },
    { ...frame, program: "w", source: "w", notify: false },
  );
  assert.deepEqual([wording.program, wording.source, wording.notify], ["w", "w", false]);
});

test("what is the event's own is refused, in each format its own", () => {
  const refuses = (text: string, format: "logstash" | "ecs") => {
    try {
      parseWording({ ...plain, field: [parseField(text)] }, { ...frame, format });
      return false;
    } catch (error) {
      assert.match((error as Error).message, /not yours/);
      return true;
    }
  };
  for (const text of [
    "message=x",
    "@timestamp=x",
    "host.name=x",
    "moustash.id=x",
    "panpan.x=1",
    "event=x",
    "tags:=[1]",
  ]) {
    assert.ok(refuses(text, "logstash") && refuses(text, "ecs"), text);
  }
  for (const [text, format] of [
    ["source.ip=x", "logstash"],
    ["file.path=x", "logstash"],
    ["service.name=x", "ecs"],
  ] as const) {
    assert.ok(refuses(text, format) && !refuses(text, format === "ecs" ? "logstash" : "ecs"), text);
  }
  assert.ok(!refuses("@metadata.route=x", "logstash"));
});

test("labels are text, one level deep", () => {
  const labels = (...texts: string[]) =>
    parseWording({ ...plain, field: texts.map(parseField) }, frame).labels;
  assert.deepEqual({ ...labels("labels.a=1", "labels.b=2") }, { a: "1", b: "2" });
  for (const text of ["labels=x", "labels.a:=1", "labels.a.b=x"])
    assert.throws(() => labels(text), /labels are text/);
});

test("the summary is the first line that says something", () => {
  assert.equal(firstLine("\n \r\n  first \r\nsecond"), "first");
  assert.equal(firstLine(" \n"), "");
  assert.equal(firstLine("x".repeat(500)).length, 200);
});

test("whatever is long is in the bound, and only the message is cut", () => {
  const mostBytes = 65_536;
  const cuts: number[] = [];
  const events = createBoundedEvents(
    { tool: "panpan", host: "h", version: "0", format: "logstash" },
    { mostBytes, onCut: (bytes) => cuts.push(bytes) },
  );
  const draft: Draft = {
    atMs: 0,
    class: "message",
    message: "m",
    program: "p",
    source: "s",
    tags: [],
    notify: false,
  };
  const half = "x".repeat(40_000);
  const long: Partial<Draft>[] = [
    { tags: [half, `${half}y`] },
    { program: half, source: half },
    { type: half, file: half },
    { labels: { a: half, b: half } },
    { details: { a: [half], b: { c: half } } },
    { fields: { a: half, b: half } },
    { tags: Array.from({ length: 30_000 }, () => "") },
    { tags: ["\u0001".repeat(12_000)] },
  ];
  for (const more of long)
    assert.throws(
      () => events.create({ ...draft, ...more }),
      { exitCode: 65, message: /beside its message.*max_event_bytes is 65536; shorten its fields and tags/ },
      JSON.stringify(more).slice(0, 40),
    );
  assert.equal(events.create(draft).seq, 1);
  for (const more of [
    { message: half + half },
    { message: half + half, details: { cut_from_bytes: 3_000_000 } },
  ])
    assert.ok(Buffer.byteLength(events.create({ ...draft, ...more }).body) <= mostBytes);
  assert.deepEqual(cuts, [80_000, 3_000_000]);
});

test("a cut has no half characters and fits", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.integer({ min: 0, max: 300 }),
      (text, mostBytes) => {
        const whole = text.toWellFormed();
        const cut = cutToJsonBytes(whole, mostBytes);
        assert.ok(Buffer.byteLength(JSON.stringify(cut)) - 2 <= mostBytes);
        assert.ok(whole.startsWith(cut) && cut.isWellFormed());
        const next = String.fromCodePoint(whole.codePointAt(cut.length) ?? 0x61);
        if (cut !== whole) assert.ok(Buffer.byteLength(JSON.stringify(cut + next)) - 2 > mostBytes);
      },
    ),
  );
});

test("a bounded event is as any other, and never larger than the bound", () => {
  const options = { tool: "panpan", host: "h", version: "0", format: "logstash", run: "r" } as const;
  const bounded = createBoundedEvents(options, { mostBytes: 2000 });
  const draft = (message: string) => ({
    ...toDraft(parseWording(plain, frame), { message, atMs: 0 }),
    id: "i",
  });
  assert.equal(bounded.create(draft("short")).body, createEvents(options).create(draft("short")).body);
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 500, maxLength: 4000 }), (message) => {
      assert.ok(Buffer.byteLength(bounded.create(draft(message)).body) <= 2000);
    }),
  );
});
