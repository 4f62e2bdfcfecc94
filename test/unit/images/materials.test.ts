// The bill of materials as a pure function: of npm's list it keeps what is in the bundle, and the same gives the same.
import { deepEqual, equal, match, notEqual, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { type Component, type Contents, nodeOf, toMaterials } from "../../../scripts/materials.ts";

const component = (name: string, more: Partial<Component> = {}): Component => ({
  "bom-ref": `${name}@1.0.0`,
  type: "library",
  name,
  version: "1.0.0",
  purl: `pkg:npm/${name}@1.0.0`,
  ...more,
});

/** As npm gives it: another number and another date at each call. */
const npm = (): Contents["npm"] => ({
  bomFormat: "CycloneDX",
  serialNumber: `urn:uuid:${crypto.randomUUID()}`,
  metadata: {
    timestamp: new Date().toISOString(),
    component: { ...component("folder"), "bom-ref": "moustash@1.0.0" },
  },
  components: [
    component("kept", {
      externalReferences: [
        { type: "distribution", url: "https://mirror.example/kept.tgz" },
        { type: "vcs", url: "https://code.example/kept.git" },
      ],
    }),
    component("left-out"),
  ],
  dependencies: [
    { ref: "moustash@1.0.0", dependsOn: ["kept@1.0.0"] },
    { ref: "kept@1.0.0", dependsOn: ["left-out@1.0.0"] },
    { ref: "left-out@1.0.0", dependsOn: [] },
  ],
});

const contents = (more: Partial<Contents> = {}): Contents => ({
  npm: npm(),
  name: "moustash",
  bundled: new Set(["kept@1.0.0"]),
  runtime: [component("libc6")],
  date: new Date("2026-11-22T13:37:20Z"),
  ...more,
});

test("what the bundle left out is not in it, and the runtime is", () => {
  const { components, dependencies, metadata } = toMaterials(contents());
  deepEqual(
    components.map(({ name }) => name),
    ["kept", "libc6"],
  );
  deepEqual(dependencies, [
    { ref: "moustash@1.0.0", dependsOn: ["kept@1.0.0", "libc6@1.0.0"] },
    { ref: "kept@1.0.0", dependsOn: [] },
    { ref: "libc6@1.0.0", dependsOn: [] },
  ]);
  equal(metadata.component.name, "moustash");
});

test("no address of a registry is in it", () => {
  const [kept] = toMaterials(contents()).components;
  deepEqual(kept!.externalReferences, [{ type: "vcs", url: "https://code.example/kept.git" }]);
});

test("the same contents give the same bytes, other ones another serial number", () => {
  const one = toMaterials(contents());
  equal(JSON.stringify(toMaterials(contents())), JSON.stringify(one));
  match(one.serialNumber, /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  equal(one.metadata.timestamp, "2026-11-22T13:37:20.000Z");
  const other = toMaterials(contents({ runtime: [component("libc6", { version: "1.0.1" })] }));
  notEqual(other.serialNumber, one.serialNumber);
  ok(!("timestamp" in toMaterials(contents({ date: undefined })).metadata));
});

test("a package in the bundle that npm does not know is an error that names it", () => {
  const bundled = new Set(["kept@1.0.0", "stranger@2.0.0"]);
  throws(() => toMaterials(contents({ bundled })), /stranger@2\.0\.0/);
});

test("Node is a platform, made of its libraries", () => {
  const { type, version, cpe, components = [] } = nodeOf(process.versions);
  deepEqual([type, version], ["platform", process.versions.node]);
  equal(cpe, `cpe:2.3:a:nodejs:node.js:${process.versions.node}:*:*:*:*:*:*:*`);
  const names = components.map(({ name }) => name);
  for (const name of ["openssl", "sqlite", "v8", "uv", "zlib"]) ok(names.includes(name), name);
  for (const name of ["node", "modules", "napi"]) ok(!names.includes(name), name);
  ok(components.every(({ version }) => version !== ""));
});
