// Bundles each of the tools into dist/TOOL.cjs, where what it does not use stays unevaluated until it is imported; beside
// them what few processes load, for a process holds the text of all that is in a file: the daemons' disk thread, and
// libraries of which most set-ups need none.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Metafile, type Plugin, build } from "esbuild";

export const tools = ["cuir", "fouet", "panpan"] as const;
export type Tool = (typeof tools)[number];

const librariesApart = ["amqplib", "prom-client"];

/** All that the images run, in one folder; gives what went in. */
export async function bundle(folder = "dist"): Promise<Metafile> {
  const files: Record<string, Entry> = {
    ...Object.fromEntries(tools.map((tool) => [tool, { tool }])),
    disk: "src/disk-thread.ts",
    ...Object.fromEntries(librariesApart.map((name) => [name, name])),
  };
  const parts = await Promise.all(
    Object.entries(files).map(([name, entry]) => bundleFile(entry, join(folder, `${name}.cjs`))),
  );
  return {
    inputs: Object.assign({}, ...parts.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...parts.map(({ outputs }) => outputs)),
  };
}

type Entry = string | { readonly tool: Tool };

/** One file, for the folder in which the others are. */
export async function bundleFile(entry: Entry, outfile: string): Promise<Metafile> {
  const { metafile, outputFiles } = await build({
    ...(typeof entry === "string" ? { entryPoints: [entry] } : { stdin: mainOf(entry.tool) }),
    outfile,
    write: false,
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    // Names and lines stay: a stack from an image is readable as it is. (keepNames would define thousands of them anew
    // at each start, a tenth of it.)
    minifySyntax: true,
    legalComments: "none",
    metafile: true,
    // What a module asks of itself is the bundle.
    define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
    // A script that Node did not load itself knows no import().
    supported: { "dynamic-import": false },
    banner: { js: await readFile("scripts/lazy-builtins.cjs", "utf8") },
    plugins: [smallIoredis, apart],
    logLevel: "warning",
  });
  await mkdir(dirname(outfile), { recursive: true });
  await writeFile(outfile, withPlainBuiltins(outputFiles[0]!.text));
  return metafile;
}

/** As src/main.ts, for one tool: what a start reads, and V8 keeps of it, is less than half of that for all three. */
const mainOf = (tool: Tool) => ({
  contents: `import { main } from "./${tool}.ts";\nvoid main();\n`,
  resolveDir: "src",
  sourcefile: "src/main.ts",
});

/** `import * as` and import() of a builtin copy each of its properties, which loads what only few of them need. */
function withPlainBuiltins(text: string): string {
  if (/\bimport_node_\w+\.default\b/.test(text))
    throw new Error("import builtins by name: they have no default here");
  return text.replaceAll(/__toESM\((require\("node:[\w/]+"\)), 1\)/g, "$1");
}

const apart: Plugin = {
  name: "apart",
  setup(bundling) {
    bundling.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
      kind !== "entry-point" && librariesApart.includes(path)
        ? { path: `./${path}.cjs`, external: true }
        : null,
    );
  },
};

/** What ioredis itself calls as methods, and we; any other command goes by its `call`. */
const commands =
  "auth client exec hello info multi psubscribe quit readonly rpush select ssubscribe subscribe unsubscribe".split(
    " ",
  );

/**
 * ioredis without what a start pays for and we do not use: its own Cluster (ours is made of single connections);
 * its table of 470 commands, of which it makes two methods each (a quarter of a one-shot's own time: V8 copies a
 * prototype's growing table of properties for each); and its debug log, which would print passwords.
 */
const smallIoredis: Plugin = {
  name: "small-ioredis",
  setup(bundling) {
    const instead = (contents: string) => ({ namespace: "instead", path: contents });
    bundling.onResolve({ filter: /^\.\/cluster$/ }, ({ importer }) =>
      /\/ioredis\/built\/(?:Redis|index)\.js$/.test(importer)
        ? instead("exports.default = undefined;")
        : null,
    );
    bundling.onResolve({ filter: /^debug$/ }, ({ importer }) =>
      /\/ioredis\/built\//.test(importer) ? instead("exports.default = () => () => {};") : null,
    );
    bundling.onLoad({ filter: /.*/, namespace: "instead" }, ({ path: contents }) => ({ contents }));
    bundling.onLoad({ filter: /\/@ioredis\/commands\/built\/commands\.json$/ }, async ({ path }) => {
      const all = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
      return {
        loader: "json",
        contents: JSON.stringify(Object.fromEntries(commands.map((name) => [name, all[name]]))),
      };
    });
  },
};

export interface BundledPackage {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The packages that something in the bundle comes from. */
export function packagesOf({ inputs }: Metafile): Promise<BundledPackage[]> {
  const folders = new Set(
    Object.keys(inputs).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  return Promise.all(
    [...folders].toSorted().map(async (folder) => {
      const told = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as BundledPackage;
      return { folder, name: told.name, version: told.version, license: told.license };
    }),
  );
}

/** Their terms go with it. */
async function termsOf(metafile: Metafile): Promise<string> {
  const terms: string[] = [];
  for (const { folder, name, version, license } of await packagesOf(metafile)) {
    terms.push(`${name} ${version} (${license})`);
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file !== undefined) terms.push(await readFile(join(folder, file), "utf8"));
  }
  return `${terms.join("\n\n")}\n`;
}

if (import.meta.main) await writeFile("dist/moustash.cjs.LICENSES.txt", await termsOf(await bundle()));
