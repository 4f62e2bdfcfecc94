// The images' bill of materials: the same in all three, valid, and true to what is inside. And that images are built
// again to the byte.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { output } from "../../../scripts/command.ts";
import { buildImages, tools } from "../../../scripts/images.ts";
import type { Component, Materials } from "../../../scripts/materials.ts";
import { docker, noEngine, testName } from "./docker.ts";

/** A file of an image that has no shell to read it. */
async function fileOf(image: string, path: string): Promise<string> {
  const container = await docker("create", image);
  try {
    const { stdout } = spawnSync("sh", ["-c", `docker cp ${container}:${path} - | tar -xO`]);
    return String(stdout);
  } finally {
    await docker("rm", container);
  }
}

describe("the bill of materials", { skip: noEngine }, () => {
  let text: string;
  let bill: Materials;
  const component = (name: string) => bill.components.find((one) => one.name === name);

  before(async () => {
    text = await fileOf("moustash/panpan:latest", "/opt/moustash/moustash.cdx.json");
    bill = JSON.parse(text) as Materials;
  });

  test("is the same in the three images", async () => {
    for (const tool of tools)
      equal(await fileOf(`moustash/${tool}:latest`, "/opt/moustash/moustash.cdx.json"), text, tool);
  });

  test("has each dependency in the version of the lock file", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
    };
    const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
      packages: Record<string, { version: string; integrity: string }>;
    };
    ok(Object.keys(dependencies).length >= 6);
    for (const name of Object.keys(dependencies)) {
      const { version, integrity } = packages[`node_modules/${name}`]!;
      equal(component(name)?.version, version, name);
      const content = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
      deepEqual(component(name)?.hashes, [{ alg: "SHA-512", content }]);
    }
  });

  test("has exactly the packages whose terms are with the bundle, the Node that runs it, and Debian's libraries", async () => {
    const terms = await fileOf("moustash/panpan:latest", "/opt/moustash/lib/moustash.cjs.LICENSES.txt");
    const known = new Set(bill.components.map(({ name, version }) => `${name} ${version}`));
    const bundled = bill.components.filter(({ purl }) => purl.startsWith("pkg:npm/"));
    for (const { name, version } of bundled) ok(terms.includes(`${name} ${version} (`), `${name} ${version}`);
    const headings = [...terms.matchAll(/^((?:@[\w-]+\/)?[\w.-]+ \d+\.\d+\.\d+\S*) \([^()]+\)$/gm)];
    equal(headings.length, bundled.length);
    for (const [, heading] of headings) ok(known.has(heading!), `${heading} is in the bundle`);

    const node = ["run", "--rm", "--entrypoint", "/opt/moustash/libexec/node", "moustash/panpan:latest"];
    const versions = JSON.parse(await docker(...node, "-p", "JSON.stringify(process.versions)")) as Record<
      string,
      string
    >;
    equal(component("node")?.version, versions["node"]);
    for (const name of ["openssl", "sqlite"])
      equal(component("node")?.components?.find((one) => one.name === name)?.version, versions[name]);
    for (const name of ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"])
      match(component(name)?.purl ?? "", /^pkg:deb\/[a-z]+\/[^/?]+@[^?]+\?arch=(amd64|arm64)/);
  });

  test("says the commit's date, and no address of this machine or of a registry", async () => {
    const epoch = await output("git", ["log", "-1", "--format=%ct"]).catch(() => undefined);
    const date = epoch && new Date(Number(epoch) * 1000).toISOString();
    equal(bill.metadata.timestamp, date || undefined);
    const addresses = text.match(/\b[a-z]+:\/\/[^"\s]+/g) ?? [];
    deepEqual(addresses, ["http://cyclonedx.org/schema/bom-1.5.schema.json"]);
    ok(!text.includes(process.cwd()));
  });

  test("has what CycloneDX asks for", () => {
    deepEqual([bill["bomFormat"], bill["specVersion"], bill["version"]], ["CycloneDX", "1.5", 1]);
    match(bill.serialNumber, /^urn:uuid:[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    const all = [bill.metadata.component, ...bill.components].flatMap((one) => [
      one,
      ...(one.components ?? []),
    ]);
    const types = new Set(["application", "library", "platform"]);
    for (const one of all) {
      ok(types.has(one.type) && one.name !== "" && one.version !== "", JSON.stringify(one));
      match(one.purl, /^pkg:(npm|generic|deb)\/(%40|[a-z0-9._%-]+\/)?[^@\s+]+@[^@\s+]+$/i);
      for (const { license } of (one["licenses"] ?? []) as readonly { license: { id: string } }[])
        match(license.id, /^[A-Za-z0-9.-]+$/);
    }
    const references = all.map((one: Component) => one["bom-ref"]);
    equal(new Set(references).size, references.length);
    const known = new Set(references);
    for (const { ref, dependsOn } of bill.dependencies)
      deepEqual(
        [ref, ...dependsOn].filter((one) => !known.has(one)),
        [],
      );
  });
});

describe("an image that is built again", { skip: noEngine }, () => {
  test("has the same layers", async () => {
    const layers = (image: string) =>
      docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image);
    const [tag, fresh] = [testName("again"), ["--no-cache-filter", "runtime,program,image"]];
    const [again] = await buildImages({ of: ["panpan"], tags: [tag], words: fresh });
    try {
      equal(await layers(again!), await layers("moustash/panpan:latest"));
    } finally {
      await docker("image", "rm", again!);
    }
  });
});
