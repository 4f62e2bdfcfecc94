// Lines of a stream of bytes, however it is cut into chunks.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Line, readLines } from "../../../src/message/line.ts";

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

async function read(bytes: Uint8Array, sizes = [65_536], mostBytes = 1024): Promise<readonly Line[]> {
  return (await Array.fromAsync(readLines(chunksOf(bytes, sizes), { mostBytes }))).flat();
}

const texts = (lines: readonly Line[]) => lines.map(({ text }) => text);

test("line ends, blank lines, no last line end", async () => {
  assert.deepEqual(texts(await read(Buffer.from("a\nb\r\n\nc"))), ["a", "b", "", "c"]);
  assert.deepEqual(texts(await read(Buffer.from("a\n"))), ["a"]);
  assert.deepEqual(texts(await read(Buffer.from("\uFEFFa\n\uFEFFb\n"))), ["a", "\uFEFFb"]);
  assert.deepEqual(await read(Buffer.from("")), []);
});

test("bytes that are not UTF-8 are marked, on their line alone", async () => {
  const bytes = Buffer.concat([
    Buffer.from("good\n"),
    Buffer.from([0xff, 0x41, 0x00, 0x0a]),
    Buffer.from("\uFFFD é\n"),
  ]);
  for (const size of [1, 2, 3, 100]) {
    assert.deepEqual(await read(bytes, [size]), [
      { number: 1, text: "good", isUtf8: true },
      { number: 2, text: "\uFFFDA\u0000", isUtf8: false },
      { number: 3, text: "\uFFFD é", isUtf8: true },
    ]);
  }
});

test("a line that is too long keeps its beginning, whole characters only, and its length", async () => {
  const text = `${"é".repeat(20)}\nshort\n${"x".repeat(30)}`;
  for (const size of [1, 7, 1000]) {
    assert.deepEqual(await read(Buffer.from(text), [size], 9), [
      { number: 1, text: "éééé", isUtf8: true, cutFromBytes: 40 },
      { number: 2, text: "short", isUtf8: true },
      { number: 3, text: "x".repeat(9), isUtf8: true, cutFromBytes: 30 },
    ]);
  }
});

test("however it is cut, the lines are the same", async () => {
  const line = fc
    .string({ unit: "binary", maxLength: 30 })
    .map((text) => text.replaceAll(/[\r\n\uFEFF]/g, "").toWellFormed());
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (lines, sizes) => {
        const got = await read(Buffer.from(lines.map((text) => `${text}\n`).join("")), sizes);
        assert.deepEqual(texts(got), lines);
        assert.deepEqual(
          got.map(({ number }) => number),
          lines.map((_, index) => index + 1),
        );
        assert.ok(got.every(({ isUtf8 }) => isUtf8));
      },
    ),
  );
});
