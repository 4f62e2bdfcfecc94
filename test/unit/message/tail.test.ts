// The last lines of a stream, and what is hidden in them.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createTail, mask, maskWords } from "../../../src/message/tail.ts";

function tailOf(text: string | Buffer, options: Partial<Parameters<typeof createTail>[0]> = {}, size = 7) {
  const tail = createTail({ mostLines: 3, ...options });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) tail.add(bytes.subarray(at, at + size));
  return tail.lines();
}

test("the last lines, with and without a last line end", () => {
  assert.deepEqual(tailOf("a\nb\nc\nd\n"), ["b", "c", "d"]);
  assert.deepEqual(tailOf("a\nb\nc\nd"), ["b", "c", "d"]);
  assert.deepEqual(tailOf(""), []);
  assert.deepEqual(tailOf("a\n", { mostLines: 0 }), []);
});

test("as seen: the end of a progress bar, no colours, no titles", () => {
  assert.deepEqual(tailOf(" 10 %\r 50 %\r100 %\r\n\u001B[1;31mred\u001B[0m\n\u001B]0;title\u0007x"), [
    "100 %",
    "red",
    "x",
  ]);
});

test("bounded, whatever comes, and whole characters only", () => {
  const [line] = tailOf("é".repeat(100_000), { mostBytes: 101 }, 1000);
  assert.equal(line, "é".repeat(50));
  assert.equal(tailOf("x".repeat(5000))[0]!.length, 1000);
});

test("as if all had been kept", () => {
  const lines = fc.array(fc.stringMatching(/^[a-zé ]{0,20}$/), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 50 }), (texts, size) => {
      const text = texts.map((line) => `${line}\n`).join("");
      assert.deepEqual(tailOf(text, { mostLines: 5 }, size), texts.slice(-5));
    }),
  );
});

test("secrets are masked", () => {
  const hidden: [string, string][] = [
    ["PASSWORD=hunter2 next", "PASSWORD=*** next"],
    ["db_password: 'hunter2'", "db_password: '***'"],
    ['"apiKey":"abc"', '"apiKey":"***"'],
    ["Authorization: Bearer abc.def", "Authorization: Bearer ***"],
    ["redis://user:p%40ss@host/0", "redis://user:***@host/0"],
    ["curl --token abc -v", "curl --token *** -v"],
    ["mysql --password=abc", "mysql --password=***"],
  ];
  for (const [text, shown] of hidden) assert.equal(mask(text, []), shown);
  assert.equal(mask("order 4711 paid", [/\d+/gu]), "order *** paid");
  for (const text of ["no secrets here", "http://host:80/path", "tokens: are text?no"])
    assert.equal(mask(text, []), text);
});

test("of a command's words secrets are masked to their ends", () => {
  const hidden: [string[], string][] = [
    [["login", "--password", "correct horse battery"], "login --password ***"],
    [["mysql", "--password=a,b;c d"], "mysql --password=***"],
    [
      ["env", "TOKEN=it's, this", "DB_PASS=hunter2", "MYSQL_PWD=hunter2"],
      "env TOKEN=*** DB_PASS=*** MYSQL_PWD=***",
    ],
    [["sshpass", "--pass", "hunter2", "ssh", "host"], "sshpass --pass *** ssh host"],
    [
      ["curl", "-H", "X-Api-Token: a b", "-H", "Authorization: Digest a, b"],
      "curl -H X-Api-Token: *** -H Authorization: ***",
    ],
    [["curl", "-u", "admin:correct horse", "https://host"], "curl -u admin:*** https://host"],
    [["-Dspring.datasource.password=a b"], "-Dspring.datasource.password=***"],
  ];
  for (const [words, shown] of hidden) assert.equal(maskWords(words, []), shown);
  assert.equal(maskWords(["pay", "order 4711"], [/\d+/gu]), "pay order ***");
  for (const words of [
    ["docker", "run", "-u", "1000:1000", "image"],
    ["psql", "--no-password", "-h", "host"],
    ["env", "PWD=/tmp", "OLDPWD=/", "make", "COMPASS=north"],
    ["curl", "-u", "https://host", "--token="],
  ])
    assert.equal(maskWords(words, []), words.join(" "));
});
