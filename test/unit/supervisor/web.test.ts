// XML-RPC answers as supervisord writes them, and what is none.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatCall, parseResponse, type XmlValue } from "../../../src/supervisor/xmlrpc.ts";

const answer = (value: string) =>
  parseResponse(
    `<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>${value}</value>\n</param>\n</params>\n</methodResponse>\n`,
  );

test("structs in arrays, as getAllProcessInfo gives them", () => {
  const result = answer(
    "<array><data>\n<value><struct>\n<member>\n<name>name</name>\n<value><string>été &lt;1&gt;</string></value>\n</member>\n<member><name>pid</name><value><int>7</int></value></member><member><name>spawnerr</name><value><string></string></value></member></struct></value>\n</data></array>",
  );
  assert.deepEqual(result, { kind: "value", value: [{ name: "été <1>", pid: 7, spawnerr: "" }] });
});

test("plain values, booleans, faults", () => {
  assert.deepEqual(answer("text &#233;"), { kind: "value", value: "text é" });
  assert.deepEqual(answer("<boolean>1</boolean>"), { kind: "value", value: true });
  assert.deepEqual(
    parseResponse(
      "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>10</int></value></member><member><name>faultString</name><value><string>BAD_NAME: x</string></value></member></struct></value></fault></methodResponse>",
    ),
    { kind: "fault", code: 10, text: "BAD_NAME: x" },
  );
  for (const text of ["", "hello", "<methodResponse>", "<methodResponse><params><param><value><int>"]) {
    assert.throws(() => parseResponse(text), SyntaxError);
  }
});

test("what we write we read, whatever it is", () => {
  const { value } = fc.letrec<{ value: XmlValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "grapheme" }).filter((text) => text.trim() !== ""),
      fc.integer(),
      fc.boolean(),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (one) => {
      const call = formatCall("m", [one]);
      const inner = /<param>([\s\S]*)<\/param>/.exec(call)![1]!;
      const read = parseResponse(`<methodResponse><params><param>${inner}</param></params></methodResponse>`);
      assert.deepEqual(read, { kind: "value", value: one });
    }),
  );
});
