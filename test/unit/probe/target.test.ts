// The seed's line, and what is told of a wrong one.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTarget, parseTarget } from "../../../src/probe/target.ts";

test("reads the original's own lines", () => {
  assert.deepEqual(parseTarget("SSH", "127.0.0.1:22:ssh server for HULK"), {
    program: "SSH",
    kind: "tcp",
    host: "127.0.0.1",
    port: 22,
    source: "127.0.0.1:22",
    informations: "ssh server for HULK",
    values: {},
  });
});

test("reads IPv6 in brackets, names, and informations with colons or none", () => {
  assert.deepEqual(
    ["[2001:db8::1]:443:web", "db.example.com:5432:postgres: main", "my_db:1:", "a-b.c:65535:é: ü"].map(
      (line) => {
        const { host, port, source, informations } = parseTarget("X", line);
        return [host, port, source, informations];
      },
    ),
    [
      ["2001:db8::1", 443, "[2001:db8::1]:443", "web"],
      ["db.example.com", 5432, "db.example.com:5432", "postgres: main"],
      ["my_db", 1, "my_db:1", "X my_db:1"],
      ["a-b.c", 65535, "a-b.c:65535", "é: ü"],
    ],
  );
});

test("says what is wrong", () => {
  const wrong: Record<string, RegExp> = {
    "constructor://1.2.3.4:80 x": /"constructor:\/\/" is unknown: it must be one of tcp, tls/,
    "valueof://1.2.3.4:80 x": /"valueof:\/\/" is unknown/,
    "10.1.2.3:70000:x": /"70000" is no port: it must be a number from 1 to 65535/,
    "10.1.2.3:0:x": /"0" is no port/,
    "10.1.2.3:ssh:x": /"ssh" is no port/,
    "10.1.2.3:22": /no informations/,
    "10.1.2.300:22:x": /"10.1.2.300" is no IPv4 address/,
    "10.1.2:22:x": /no IPv4 address/,
    "2001:db8::1:22:x": /IPv6 address without brackets/,
    "::1:22:x": /IPv6 address without brackets|address is missing/,
    "[2001:db8::zz]:22:x": /no IPv6 address/,
    "[::1]22:x": /no port/,
    ":22:x": /address is missing/,
    "-a:22:x": /neither an address nor a name/,
    "a b:22:x": /neither an address nor a name/,
    "3 apples": /no target/,
  };
  for (const [line, message] of Object.entries(wrong)) {
    assert.throws(() => parseTarget("X", line), { message }, line);
    assert.equal(isTarget(line), false, line);
  }
});

test("an option's value is no target, a target is one whatever its key", () => {
  for (const value of ["5s", "127.0.0.1:9797", "[::]:9797", "none", "changes", "a,b", "500ms"])
    assert.equal(isTarget(value), false, value);
  assert.equal(isTarget("127.0.0.1:80:an interval"), true);
});

test("any address, port and informations come back", () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((text) => `[${text}]`),
    fc.domain(),
  );
  const text = fc.string({ unit: "grapheme" }).filter((value) => value === value.trim() && value !== "");
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), text, (where, port, informations) => {
      const target = parseTarget("X", `${where}:${port}:${informations}`);
      assert.equal(target.source, `${where}:${port}`);
      assert.equal(target.port, port);
      assert.equal(target.informations, informations);
    }),
  );
});
