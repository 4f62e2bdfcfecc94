// Writes the images' bill of materials (CycloneDX): what npm says of the packages that are in the bundle, Node with what
// it is made of, and the C libraries beside it.
//   node scripts/materials.ts FILE
// The same contents give the same bytes: the date is SOURCE_DATE_EPOCH's, the serial number is made of the rest.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { bundle, packagesOf } from "./bundle.ts";
import { output } from "./command.ts";

export interface Component {
  "bom-ref": string;
  type: string;
  name: string;
  version: string;
  purl: string;
  externalReferences?: readonly { readonly type: string; readonly url: string }[];
  components?: readonly Component[];
  readonly [more: string]: unknown;
}

export interface Materials {
  serialNumber: string;
  metadata: { timestamp?: string; component: Component; readonly [more: string]: unknown };
  components: readonly Component[];
  dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly [more: string]: unknown;
}

export interface Contents {
  /** What npm's own command says of the lock file. */
  readonly npm: Materials;
  /** The project's name: npm takes that of the folder. */
  readonly name: string;
  /** `name@version` of each package that is in the bundle. */
  readonly bundled: ReadonlySet<string>;
  /** Of the runtime that is copied: Node and its C libraries. */
  readonly runtime: readonly Component[];
  /** Undefined gives a bill without a date. */
  readonly date: Date | undefined;
}

export function toMaterials({ npm, name, bundled, runtime, date }: Contents): Materials {
  const { timestamp: _, component, ...metadata } = npm.metadata;
  const packages = npm.components.filter((one) => bundled.has(one["bom-ref"]));
  const listed = new Set(packages.map((one) => one["bom-ref"]));
  const missing = [...bundled].filter((one) => !listed.has(one));
  if (missing.length > 0)
    throw new Error(`npm sbom does not know what is in the bundle: ${missing.join(", ")}`);
  const ours = component["bom-ref"];
  const materials = {
    ...npm,
    metadata: {
      ...(date && { timestamp: date.toISOString() }),
      ...metadata,
      lifecycles: [{ phase: "build" }],
      component: { ...component, name },
    },
    components: [...packages.map(withoutRegistry), ...runtime],
    dependencies: [
      ...npm.dependencies
        .filter(({ ref }) => ref === ours || listed.has(ref))
        .map(({ ref, dependsOn }) => ({
          ref,
          dependsOn: [
            ...dependsOn.filter((one) => listed.has(one)),
            ...(ref === ours ? runtime.map((one) => one["bom-ref"]) : []),
          ],
        })),
      ...runtime.map((one) => ({ ref: one["bom-ref"], dependsOn: [] })),
    ],
  };
  return { ...materials, serialNumber: serialNumberOf(JSON.stringify({ ...materials, serialNumber: "" })) };
}

/** Where a package was downloaded from is this machine's own affair. */
function withoutRegistry(component: Component): Component {
  const { externalReferences = [] } = component;
  return {
    ...component,
    externalReferences: externalReferences.filter(({ type }) => type !== "distribution"),
  };
}

/** A UUID of version 8: made of a digest. */
function serialNumberOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Node, with the libraries that are compiled into it. */
export function nodeOf({ node, ...parts }: NodeJS.ProcessVersions): Component {
  return {
    "bom-ref": `node@${node}`,
    type: "platform",
    name: "node",
    version: node,
    licenses: [{ license: { id: "MIT" } }],
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${node}`,
    // Two are versions of interfaces, and what this build has no part in has no version.
    components: Object.entries(parts).flatMap(([name, version = ""]) =>
      version === "" || name === "modules" || name === "napi"
        ? []
        : {
            "bom-ref": `node@${node}/${name}@${version}`,
            type: "library",
            name,
            version,
            purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
          },
    ),
  };
}

/** Debian's packages whose terms images/assemble has laid beside their libraries. */
async function libraries(): Promise<Component[]> {
  const packages = (await readdir("/opt/moustash/share/doc")).filter((name) => name !== "node").toSorted();
  const release = await readFile("/etc/os-release", "utf8");
  const [id, version] = ["ID", "VERSION_ID"].map(
    (key) => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(release)?.[1],
  );
  const format = "${Package} ${Version} ${Architecture}\n";
  const known = await output("dpkg-query", ["--show", `--showformat=${format}`, ...packages]);
  return known.split("\n").map((line) => {
    const [name, of, arch] = line.split(" ") as [string, string, string];
    return {
      "bom-ref": `${name}@${of}`,
      type: "library",
      name,
      version: of,
      purl: `pkg:deb/${id}/${encodeURIComponent(name)}@${encodeURIComponent(of)}?arch=${arch}&distro=${id}-${version}`,
    };
  });
}

async function materials(): Promise<Materials> {
  const words = [
    "--package-lock-only",
    "--sbom-format",
    "cyclonedx",
    "--sbom-type",
    "application",
    "--omit",
    "dev",
  ];
  const npm = JSON.parse(await output("npm", ["sbom", "--update-notifier=false", ...words])) as Materials;
  const { name } = JSON.parse(await readFile("package.json", "utf8")) as { name: string };
  const packages = await packagesOf(await bundle());
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  return toMaterials({
    npm,
    name,
    bundled: new Set(packages.map((one) => `${one.name}@${one.version}`)),
    runtime: [nodeOf(process.versions), ...(await libraries())],
    date: epoch ? new Date(Number(epoch) * 1000) : undefined,
  });
}

if (import.meta.main) {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error("node scripts/materials.ts FILE");
  await writeFile(file, `${JSON.stringify(await materials(), undefined, 2)}\n`);
}
