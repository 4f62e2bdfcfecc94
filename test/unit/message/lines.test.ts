// Standard input as a source of batches.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Batch } from "../../../src/envelope.ts";
import { type DataError, createBoundedEvents } from "../../../src/message/bound.ts";
import { parseField } from "../../../src/message/field.ts";
import { type LinesOptions, sayLines } from "../../../src/message/lines.ts";
import { type WordingOptions, parseWording } from "../../../src/message/wording.ts";

const plain: WordingOptions = {
  program: "p",
  source: undefined,
  tag: [],
  field: [],
  level: undefined,
  notify: undefined,
  file: undefined,
  type: "panpan",
  id: undefined,
};

function source(
  input: string | Buffer,
  form: LinesOptions["form"],
  more: Partial<LinesOptions & WordingOptions> = {},
) {
  const mostBytes = more.mostBytes ?? 65_536;
  const chunk = Buffer.from(input);
  return sayLines({
    input: (async function* () {
      yield chunk;
    })(),
    form,
    wording: parseWording({ ...plain, ...more }, { host: "h", format: "logstash" }),
    format: "logstash",
    events: createBoundedEvents(
      { tool: "panpan", host: "h", version: "0", format: "logstash", run: "r" },
      { mostBytes },
    ),
    mostBytes,
    heard: () => {},
    now: () => 0,
    ...more,
  });
}

type Event = Record<string, unknown> & {
  moustash: { id: string; seq: number };
  panpan: Record<string, unknown>;
};
const eventsOf = (batches: readonly Batch[]) =>
  batches.flatMap(({ events }) => events.map(({ body }) => JSON.parse(body) as Event));
const all = async (batches: AsyncIterable<Batch>) => eventsOf(await Array.fromAsync(batches));

test("one event for each line, in order, blank lines left out", async () => {
  const events = await all(source("a\n\n  \nb\n", "lines", { id: "nightly" }));
  assert.deepEqual(
    events.map(({ message, moustash }) => [message, moustash.id, moustash.seq]),
    [
      ["a", "nightly-1", 1],
      ["b", "nightly-4", 2],
    ],
  );
});

test("batches stay small", async () => {
  const batches = await Array.fromAsync(source("x\n".repeat(5000), "lines"));
  assert.ok(batches.every(({ events }) => events.length <= 1024));
  assert.equal(eventsOf(batches).length, 5000);
});

test("all of the input as one event", async () => {
  const [event, ...rest] = await all(source("line 1\nline 2\n", "whole"));
  assert.equal(event!.message, "line 1\nline 2");
  assert.equal(event!.panpan.summary, "line 1");
  assert.deepEqual(rest, []);
  assert.deepEqual(await all(source("\n \n", "whole")), []);
});

test("what is too long is cut and says so", async () => {
  for (const form of ["lines", "whole"] as const) {
    const batches = await Array.fromAsync(source('"'.repeat(100_000), form, { mostBytes: 4096 }));
    const body = batches[0]!.events[0]!.body;
    assert.ok(Buffer.byteLength(body) <= 4096 && Buffer.byteLength(body) > 4000, `${body.length}`);
    assert.ok((eventsOf(batches)[0]!.panpan.cut_from_bytes as number) >= 4096);
  }
});

test("objects keep their words, take ours, and an event of ours keeps its id", async () => {
  const input = [
    {
      message: "m",
      "@timestamp": "2026-11-22T13:37:20.581+01:00",
      program: "ssh",
      user: { id: 7 },
      tags: ["x", "notification"],
    },
    {
      message: "again",
      type: "cuir",
      host: "far",
      moustash: { id: "one", run: "old", seq: 9 },
      cuir: { up: 1 },
    },
  ];
  const [first, second] = await all(
    source(input.map((object) => JSON.stringify(object)).join("\n"), "json", {
      field: [parseField("user.name=x"), parseField("labels.team=ops")],
      tag: ["t"],
    }),
  );
  assert.equal(first!["@timestamp"], "2026-11-22T12:37:20.581Z");
  assert.deepEqual(first!.tags, ["panpan", "ssh", "t", "x", "notification"]);
  assert.deepEqual(first!.user, { id: 7, name: "x" });
  assert.deepEqual(first!.labels, { team: "ops" });
  assert.equal(second!.moustash.id, "one");
  assert.equal(second!.moustash.seq, 2);
  assert.deepEqual([second!.type, second!.cuir], ["cuir", { up: 1 }]);
  assert.deepEqual([first!.host, second!.host], ["h", "far"]);
});

const wrongLines = [
  "{",
  "[1]",
  "3",
  '{"a":1}',
  '{"message":3}',
  '{"message":"m","@timestamp":"2026-11-22T13:37:20"}',
  '{"message":"m","@timestamp":1}',
  '{"message":"m","@timestamp":"2026-02-31T10:00:00Z"}',
  '{"message":"m","@timestamp":"2026-02-29T10:00:00+01:00"}',
  '{"message":"m","@timestamp":"2026-13-01T10:00:00Z"}',
  '{"message":""}',
  '{"message":" \\n"}',
  '{"message":"m","program":""}',
  '{"message":"m","source":""}',
  '{"message":"m","host":""}',
  '{"message":"m","tags":"x"}',
  '{"message":"m","tags":[1]}',
  '{"message":"m","labels":{"a":1}}',
  '{"message":"m","event":"x"}',
  '{"message":"m","host":3}',
  '{"message":"m","program":1}',
  '{"message":"m","moustash":{"id":""}}',
  '{"message":"m","moustash":{"id":7}}',
  `{"message":"${"m".repeat(70_000)}"}`,
];

test("each wrong line is named, and what came before it is sent", async () => {
  for (const line of wrongLines) {
    const batches = source(`{"message":"before"}\n${line}\n{"message":"after"}\n`, "json");
    assert.equal(eventsOf([(await batches.next()).value as Batch])[0]!.message, "before");
    await assert.rejects(
      batches.next(),
      { code: "data", exitCode: 65, message: /^line 2: / },
      line.slice(0, 80),
    );
  }
});

test("with keep-going the others are sent, and seq has no gap", async () => {
  const errors: DataError[] = [];
  const lines = wrongLines.flatMap((line) => [line, '{"message":"good"}']);
  const events = await all(source(lines.join("\n"), "json", { onWrong: (error) => errors.push(error) }));
  assert.equal(errors.length, wrongLines.length);
  assert.deepEqual(
    events.map(({ moustash }) => moustash.seq),
    wrongLines.map((_, index) => index + 1),
  );
});

test("a day of a leap year, and one that is another day in Greenwich, are days", async () => {
  const times = ["2028-02-29T10:00:00Z", "2026-12-31T23:30:00-01:00", "2026-03-01T00:30:00+0100"];
  const input = times.map((time) => JSON.stringify({ message: "m", "@timestamp": time })).join("\n");
  assert.deepEqual(
    (await all(source(input, "json"))).map((event) => event["@timestamp"]),
    ["2028-02-29T10:00:00.000Z", "2027-01-01T00:30:00.000Z", "2026-02-28T23:30:00.000Z"],
  );
});

test("numbers keep their digits", async () => {
  const [batch] = await Array.fromAsync(source('{"message":"m","n":12345678901234567890,"e":1e400}', "json"));
  assert.match(batch!.events[0]!.body, /"n":12345678901234567890,"e":1e400/);
});
