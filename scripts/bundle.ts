// Bundles the three tools into dist/moustash.cjs, the one file that the images run; what a tool does not use stays
// unevaluated until it is imported.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";

/** What becomes a file of its own in dist/. */
const entryPoints = { moustash: "src/main.ts" };

const manifest = JSON.parse(await readFile("package.json", "utf8")) as { version: string };

await build({
  entryPoints,
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node26",
  format: "cjs",
  // Names and lines stay: a stack from an image is readable as it is, and the megabyte costs no measurable time.
  minifySyntax: true,
  keepNames: true,
  legalComments: "linked",
  define: { __VERSION__: JSON.stringify(manifest.version), "import.meta.url": "bundleUrl" },
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  logLevel: "warning",
});
