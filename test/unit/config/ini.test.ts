// The dialect: the original's files read as ever, no value is mangled, and every mistake is said with its line.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { array, assert as check, asyncProperty, constantFrom, oneof, pre, string } from "fast-check";
import { parseIni } from "../../../src/config/ini.ts";

const file = "moustash.ini";

async function read(text: string) {
  const { entries, problems } = await parseIni(text, file);
  return {
    entries: entries.map(({ section, subsection, key, value, line }) => [
      subsection === undefined ? section : `${section}:${subsection}`,
      key,
      value,
      line,
    ]),
    problems: problems.map(({ origin, message }) => `${origin}: ${message}`),
  };
}

/** The value of the only line. */
async function valueOf(line: string): Promise<string | undefined> {
  const { entries, problems } = await parseIni(`[Moustash]\n${line}\n`, file);
  assert.deepEqual(problems, []);
  return entries[0]?.value;
}

const original = `[Moustash]
transport: redis
redis_ip: 127.0.0.1

[Cuir]
Interval: 1
SSH: 127.0.0.1:22:ssh server for HULK
HULK: 127.0.0.1:21:HULK PAS CONTENT
`;

describe("the dialect of the original files", () => {
  it("reads the original's examples unchanged", async () => {
    assert.deepEqual(await read(original), {
      entries: [
        ["Moustash", "transport", "redis", 2],
        ["Moustash", "redis_ip", "127.0.0.1", 3],
        ["Cuir", "Interval", "1", 6],
        ["Cuir", "SSH", "127.0.0.1:22:ssh server for HULK", 7],
        ["Cuir", "HULK", "127.0.0.1:21:HULK PAS CONTENT", 8],
      ],
      problems: [],
    });
  });

  it("takes whichever separator comes first", async () => {
    assert.equal(await valueOf("redis_url: redis://h?a=b"), "redis://h?a=b");
    assert.equal(await valueOf("redis_url = redis://h?a=b"), "redis://h?a=b");
    assert.equal(await valueOf("x=a:b"), "a:b");
  });

  it("cuts a value at white space and a semicolon, and nowhere else", async () => {
    assert.equal(await valueOf("p: a;b ; comment ; more"), "a;b");
    assert.equal(await valueOf("p: a\t;comment"), "a");
    assert.equal(await valueOf("p: a #b"), "a #b");
    assert.equal(await valueOf("p:;b"), ";b");
    assert.equal(await valueOf("p: ; nothing"), "");
    assert.equal(await valueOf("p: 100%(x)s %%"), "100%(x)s %%");
  });

  it("takes the outer quotes off, and what is inside as it stands", async () => {
    assert.equal(await valueOf('p: "a ; b "'), "a ; b ");
    assert.equal(await valueOf("p: 'it's'"), "it's");
    assert.equal(await valueOf(String.raw`p: "C:\new"`), String.raw`C:\new`);
    assert.equal(await valueOf('p: ""x""'), '"x"');
    assert.equal(await valueOf('p: "x" ; comment'), "x");
    assert.equal(await valueOf('p: "a ; b" ; the "old" one'), "a ; b");
    assert.equal(await valueOf('p: "x'), '"x');
    assert.equal(await valueOf('p: "x" y ; z'), '"x" y');
    assert.equal(await valueOf('p: "'), '"');
  });

  it("refuses what could be a comment as well as a part of quotes", async () => {
    const { problems } = await read('[Moustash]\np: "x" ; the "old"');
    assert.match(problems[0]!, /^moustash\.ini:2: a comment, or " ; inside quotes/);
  });

  it("ignores comments, blank lines, a byte order mark and carriage returns", async () => {
    assert.deepEqual(await read("\uFEFF# c\r\n[Cuir]  ; c\r\n\t; c\r\n  # c\r\n\r\na = b\r\n"), {
      entries: [["Cuir", "a", "b", 6]],
      problems: [],
    });
  });

  it("continues a value with lines that begin with white space", async () => {
    const text = "[Moustash]\n  redis_ip: a:1,\n\tb:2 ; here\n\n   c:3\nredis_port: 1";
    const { entries, problems } = await parseIni(text, file);
    assert.deepEqual(problems, []);
    assert.equal(entries[0]!.value, "a:1,\nb:2\nc:3");
    assert.deepEqual(entries[0]!.continued, [
      { line: 3, text: "b:2 ; here" },
      { line: 5, text: "c:3" },
    ]);
    assert.deepEqual([entries[1]!.key, entries[1]!.line], ["redis_port", 6]);
  });

  it("keeps dots, brackets, backslashes and case of names, which ini alone would nest or lose", async () => {
    const text = `[Cuir:db.example.com]
fall: 3
[Cuir:a\\.b]
x: 1
[Cuir:a[1]]
y: 1
[cuir]
SSH[]: 1
true: 2
__x: 3`;
    assert.deepEqual((await read(text)).entries, [
      ["Cuir:db.example.com", "fall", "3", 2],
      [String.raw`Cuir:a\.b`, "x", "1", 4],
      ["Cuir:a[1]", "y", "1", 6],
      ["cuir", "SSH[]", "1", 8],
      ["cuir", "true", "2", 9],
      ["cuir", "__x", "3", 10],
    ]);
  });

  it("lets a section stand in several places", async () => {
    const { entries, problems } = await read("[Cuir]\na: 1\n[Fouet]\nb: 2\n[CUIR]\nc: 3");
    assert.deepEqual(problems, []);
    assert.deepEqual(
      entries.map(([section, key]) => [section, key]),
      [
        ["Cuir", "a"],
        ["Fouet", "b"],
        ["CUIR", "c"],
      ],
    );
  });
});

describe("what is wrong", () => {
  it("is said all at once, each with its line", async () => {
    const text = `lost: 1
[Moustash
hidden: 1
[Moustash]
nonsense
: x
[]
[Cuir]
SSH: 1
ssh = 2
__proto__: 1
[__proto__]
`;
    const { problems } = await read(text);
    assert.deepEqual(
      problems.map((line) => line.replace("moustash.ini:", "")),
      [
        '1: "lost" stands before any section: put [Moustash] or another one above it',
        '2: "[Moustash" is no section: write [Name] or [Cuir:Program]',
        '5: "nonsense" has no ":" and no "=": write key: value',
        '6: ": x" has no name before its ":"',
        '7: "[]" is no section: write [Name] or [Cuir:Program]',
        '11: "__proto__: 1" has no name before its ":"',
        '12: "[__proto__]" is no section: write [Name] or [Cuir:Program]',
        '10: "ssh" is already in [Cuir], at moustash.ini:9: remove one',
      ],
    );
  });
});

describe("any value survives", () => {
  const nasty = string({
    unit: constantFrom(...Array.from("#;=:% \t\"'\\[]{}$é€😀\u00A0\u2028\u0085abc,10.-_")),
  });
  const text = oneof(nasty, string({ unit: "grapheme" }), string({ unit: "binary" }));
  const oneLine = text.filter((value) => !/[\r\n]/.test(value));

  it("as it stands, where it has no white space at its ends, no ' ;' and no quotes around it", async () => {
    const plain = oneLine
      .map((value) => value.replaceAll(/[ \t\f\v]+(?=;)/g, "").replaceAll(/^[ \t\f\v]+|[ \t\f\v]+$/g, ""))
      .filter((value) => !/^(["']).*\1$/s.test(value) && !value.startsWith(";"));
    await check(
      asyncProperty(plain, constantFrom(": ", " = ", "="), async (value, separator) => {
        assert.equal(await valueOf(`redis_password${separator}${value}`), value);
      }),
    );
  });

  it("in quotes, whatever it is", async () => {
    await check(
      asyncProperty(oneLine, async (value) => {
        const quote = /"[ \t]+;/.test(value) ? "'" : '"';
        pre(quote === '"' || !/'[ \t]+;/.test(value));
        assert.equal(await valueOf(`redis_password: ${quote}${value}${quote}`), value);
      }),
    );
  });

  it("beside any number of others, in order and with their lines", async () => {
    const safe = oneLine.map((value) => `"${value.replaceAll(/"[ \t]+;/g, "")}"`);
    await check(
      asyncProperty(array(safe, { maxLength: 20 }), async (all) => {
        const lines = all.map((value, at) => `${at}: ${value}`).join("\n");
        const { entries, problems } = await parseIni(`[Cuir]\n${lines}`, file);
        assert.deepEqual(problems, []);
        assert.deepEqual(
          entries.map(({ value, line }) => [`"${value}"`, line]),
          all.map((value, at) => [value, at + 2]),
        );
      }),
    );
  });

  it("and no text at all makes it throw", async () => {
    const lines = array(oneof(text, constantFrom("[Cuir]", "[a", "  x: y", "a=", "=", "[a.b.c]", "[]")));
    await check(
      asyncProperty(lines, async (all) => {
        const { entries, problems } = await parseIni(all.join("\n"), file);
        for (const { line } of entries) assert.ok(line >= 1);
        for (const { origin } of problems) assert.match(origin, /^moustash\.ini:\d+$/);
      }),
    );
  });
});
