// What does not fit together, and what a target's own options make of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { configureTargets, judgeTargets } from "../../../src/probe/configure.ts";
import { parsePayload } from "../../../src/probe/dialogue.ts";
import type { TargetValues } from "../../../src/probe/settings.ts";
import { parseTarget } from "../../../src/probe/target.ts";

function judge(line: string, values: TargetValues): string[] {
  return [...judgeTargets([parseTarget("X", line)], [{ program: "x", values }])].map(({ key, message }) =>
    key === undefined ? message : `${key}: ${message}`,
  );
}

const configure = (line: string, values: TargetValues) =>
  configureTargets({
    targets: [parseTarget("X", line)],
    groups: [{ program: "X", values }],
    settings: { lowercase_names: true, shard: undefined },
    host: "h",
  })[0]!;

test("options of another kind, halves of pairs, and what is missing", () => {
  const cases: [line: string, values: TargetValues, message: RegExp][] = [
    ["10.0.0.1:1:x", { http_body: /x/ }, /http_body: it does not fit a target of the kind tcp/],
    ["https://a.test/", { dns_type: "a" }, /dns_type: it does not fit/],
    ["udp://10.0.0.1:1", { expect: /x/ }, /needs send and expect/],
    ["udp://10.0.0.1:1", { send: Buffer.alloc(66_000), expect: /x/ }, /send: a datagram holds 65507 bytes/],
    ["dns://10.0.0.1", {}, /which name/],
    ["tls://a.test:1", { tls_cert: "/dev/null" }, /belong together/],
    ["https://a.test/", { http_proxy: "socks://p:1" }, /must be http:\/\/host:port/],
    ["smtp://a.test", { send: parsePayload("x") }, /its own words/],
    ["tls://a.test:1", { tls_name: "a b" }, /tls_name: "a b" is neither/],
    ["10.0.0.1:1:x", { depends_on: ["X"] }, /depends on itself/],
  ];
  for (const [line, values, message] of cases)
    assert.ok(
      judge(line, values).some((one) => message.test(one)),
      `${line} ${message} ${judge(line, values)}`,
    );
  assert.deepEqual(judge("10.0.0.1:1:x", { expect: /x/, fall: 3 }), []);
});

test("a circle of three is found", () => {
  const targets = ["A", "B", "C"].map((program) => parseTarget(program, "10.0.0.1:1:x"));
  const groups = [
    { program: "A", values: { depends_on: ["b"] } },
    { program: "B", values: { depends_on: ["C"] } },
    { program: "C", values: { depends_on: ["A"] } },
  ];
  assert.deepEqual(
    [...judgeTargets(targets, groups)].map(({ program }) => program),
    ["A", "B", "C"],
  );
});

test("words make an exchange of a connection, a proxy is where it connects, names are lowered when asked", () => {
  const talking = configure("tls://a.test:6379", { send: parsePayload("PING\\r\\n"), expect: /PONG/ });
  assert.equal(talking.kind, "exchange");
  assert.deepEqual(
    [talking.exchange?.tls, talking.exchange?.steps.map(({ is }) => is)],
    [true, ["send", "expect"]],
  );
  assert.deepEqual(configure("https://a.test/", { http_proxy: "http://[::1]:3128" }).dial, {
    host: "::1",
    port: 3128,
  });
  assert.equal(talking.program, "x");
});
