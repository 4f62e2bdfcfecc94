// What PanPan's words mean.
import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.ts";
import { type Words, parseTask } from "../../../src/message/arguments.ts";

const none: Words = {
  words: [],
  rest: undefined,
  run: false,
  message: undefined,
  whole: false,
  json: false,
  input: "readable",
};
const parse = (words: Partial<Words>) => parseTask({ ...none, ...words });
const wrong = (words: Partial<Words>, message: RegExp) =>
  assert.throws(
    () => parse(words),
    (error) => error instanceof UsageError && error.exitCode === 64 && message.test(error.message),
  );

test("the original's four words", () => {
  const task = (notify: boolean) => ({
    kind: "message",
    message: "disk full",
    program: "backup",
    source: "web-1",
    notify,
  });
  assert.deepEqual(parse({ words: ["disk full", "backup", "web-1", "True"] }), task(true));
  assert.deepEqual(parse({ words: ["disk full", "backup", "web-1", "False"] }), task(false));
  assert.deepEqual(parse({ words: ["disk full", "backup", "web-1", "false"] }), task(false));
  wrong({ words: ["disk full", "backup", "web-1", "yes"] }, /fourth word must be True or False, not "yes"/);
  wrong({ words: ["disk", "is", "nearly", "full"] }, /"full".*quotes/);
  wrong({ words: ["disk full", "backup", "web-1", "constructor"] }, /not "constructor"/);
  wrong({ words: ["disk full", "", "web-1", "True"] }, /PROGRAM is empty/);
});

test("one bare word is the message, whatever the word", () => {
  for (const word of ["help", "version", "run", "true", "-x", "--", "{}", "0"]) {
    assert.deepEqual(parse({ words: [word] }), { kind: "message", message: word });
    assert.deepEqual(parse({ message: word }), { kind: "message", message: word });
  }
});

test("two, three or five words are no message", () => {
  wrong({ words: ["a", "b"] }, /^2 words .*quotes/);
  wrong({ words: ["a", "b", "c"] }, /^3 words/);
  wrong({ words: ["a", "b", "c", "True", "e"] }, /^5 words/);
});

test("a message that is missing, empty or given twice", () => {
  wrong({ words: [""] }, /empty/);
  wrong({ message: " \n" }, /empty/);
  wrong({ words: ["a"], message: "b" }, /twice/);
  wrong({ input: "terminal" }, /no message.*--help/);
  wrong({ input: "nothing" }, /no message.*\/dev\/null/);
});

test("standard input, in three forms, only without a message", () => {
  assert.deepEqual(parse({}), { kind: "input", form: "lines" });
  assert.deepEqual(parse({ whole: true }), { kind: "input", form: "whole" });
  assert.deepEqual(parse({ json: true }), { kind: "input", form: "json" });
  wrong({ json: true, whole: true }, /exclude/);
  wrong({ json: true, words: ["a"] }, /--json reads standard input/);
  wrong({ whole: true, message: "a" }, /--whole reads standard input/);
});

test("of what excludes each other the nearest to the command line counts", () => {
  const environment = { message: 1, whole: 1, json: 1 };
  const bar = { kind: "message", message: "bar" };
  assert.deepEqual(parse({ words: ["bar"], message: "foo", layers: environment }), bar);
  assert.deepEqual(parse({ words: ["bar"], whole: true, json: true, layers: environment }), bar);
  assert.deepEqual(parse({ message: "bar", whole: true, layers: { message: 0, whole: 1 } }), bar);
  const whole = { kind: "input", form: "whole" };
  assert.deepEqual(parse({ message: "foo", whole: true, layers: { message: 1, whole: 0 } }), whole);
  assert.deepEqual(parse({ json: true, whole: true, layers: { json: 2, whole: 1 } }), whole);
  wrong({ message: "foo", whole: true, layers: environment }, /--whole reads standard input/);
  wrong({ words: ["bar"], message: "foo", layers: { message: 0 } }, /twice/);
});

test("a command to run", () => {
  assert.deepEqual(parse({ run: true, words: ["sh", "-c", "true"], rest: ["sh", "-c", "true"] }), {
    kind: "command",
    command: ["sh", "-c", "true"],
  });
  wrong({ run: true }, /--run needs a command/);
  wrong({ run: true, words: [""], rest: [""] }, /empty/);
  wrong({ run: true, words: ["sleep", "5"] }, /after --, so "sleep"/);
  wrong({ run: true, words: ["m", "sleep"], rest: ["sleep"] }, /after --, so "m"/);
});
