// The Event's shape: what stands in it, what is left out, whose fields win.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { type Draft, createEvents, stableId } from "../../src/event.ts";

const draft: Draft = {
  atMs: Date.UTC(2026, 10, 22, 13, 37, 20, 581),
  class: "change",
  message: "ssh server for HULK",
  program: "SSH",
  source: "10.1.2.3:22",
  tags: ["cuir", "SSH", "down"],
  notify: true,
};
const options = { tool: "cuir", host: "web-1", version: "1.0.0", run: "run" } as const;
const made = (more: Partial<Draft> = {}, format: "logstash" | "ecs" = "logstash", labels = {}) =>
  JSON.parse(createEvents({ ...options, format, labels }).create({ ...draft, ...more, id: "id" }).body);

test("has the fields of the contract, in their order, and nothing that is not known", () => {
  const { body } = createEvents({ ...options, format: "logstash" }).create({ ...draft, id: "id" });
  assert.equal(
    body,
    '{"@timestamp":"2026-11-22T13:37:20.581Z","@version":1,"message":"ssh server for HULK","host":"web-1","type":"cuir",' +
      '"program":"SSH","source":"10.1.2.3:22","tags":["cuir","SSH","down","notification"],' +
      '"moustash":{"schema":1,"id":"id","run":"run","seq":1,"notify":true,"version":"1.0.0"}}',
  );
});

test("each event tells its own moment", () => {
  const events = createEvents({ ...options, format: "logstash" });
  const at = (atMs: number) => JSON.parse(events.create({ ...draft, atMs }).body)["@timestamp"] as string;
  assert.deepEqual(
    [at(0), at(1), at(0)],
    ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.000Z"],
  );
});

test("labels of the process and of the event are joined; none are not written", () => {
  assert.deepEqual(made({ labels: { team: "b" } }, "logstash", { team: "a", site: "x" }).labels, {
    team: "b",
    site: "x",
  });
  assert.deepEqual(made({}, "logstash", { team: "a" }).labels, { team: "a" });
  assert.ok(!("labels" in made({ labels: {} })));
});

test("further fields stand beside ours, which win where we have any", () => {
  const event = made({ fields: { message: "theirs", file: "/theirs", more: 1 } });
  assert.equal(event.message, draft.message);
  assert.equal(event.file, "/theirs");
  assert.equal(event.more, 1);
  assert.equal(made({ fields: { file: "/theirs" }, file: "/ours" }).file, "/ours");
});

test("in ECS host, log and event are objects", () => {
  const event = made({ file: "/var/log/a.log", outcome: "failure" }, "ecs");
  assert.deepEqual(event.host, { name: "web-1" });
  assert.deepEqual(event.log, { file: { path: "/var/log/a.log" } });
  assert.equal(event.event.outcome, "failure");
  assert.equal(event.moustash.source, "10.1.2.3:22");
  assert.ok(!("log" in made({}, "ecs")));
});

test("a lone surrogate becomes U+FFFD", () => {
  assert.equal(made({ message: "a\ud800b" }).message, "a\ufffdb");
  assert.equal(made({ message: "\\ud800" }).message, "\\ud800");
});

test("the same parts have the same id, others another", () => {
  assert.equal(stableId("web-1", 1), stableId("web-1", 1));
  assert.notEqual(stableId("web-1", 1), stableId("web-1", "1"));
  assert.match(stableId("a"), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("is one line of well-formed JSON, whatever is said", () => {
  const events = createEvents({ ...options, format: "logstash" });
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (text, program) => {
      const message = `${text}\ud800"\\ud800${text}\udfff\n`;
      const { body } = events.create({ ...draft, message, program });
      assert.ok(!body.includes("\n") && body.isWellFormed());
      assert.equal(JSON.parse(body).message, message.toWellFormed());
      assert.equal(JSON.parse(body).program, program.toWellFormed());
    }),
  );
});

test("10,000 lives of one event each have 10,000 ids", () => {
  const { run: _, ...life } = options;
  const lives = Array.from({ length: 10_000 }, () =>
    createEvents({ ...life, format: "logstash" }).create(draft),
  );
  assert.equal(new Set(lives.map(({ id }) => id)).size, 10_000);
  assert.equal(new Set(lives.map(({ run }) => run)).size, 10_000);
});

test("processes that start at the same moment have ids of their own", async () => {
  const entry = join(import.meta.dirname, "../../src/main.ts");
  const started = Array.from({ length: 12 }, () =>
    promisify(execFile)(process.execPath, [entry, "panpan", "--dry-run", "--quiet", "hello"], { env: {} }),
  );
  const made = (await Promise.all(started)).map(({ stdout }) => JSON.parse(stdout).moustash);
  assert.equal(new Set(made.map(({ id }) => id)).size, started.length);
  assert.equal(new Set(made.map(({ run }) => run)).size, started.length);
});
