// Bundles the three tools into dist/moustash.cjs, the one file that the images run; what a tool does not use stays
// unevaluated until it is imported.
import { build } from "esbuild";

await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/moustash.cjs",
  bundle: true,
  platform: "node",
  target: "node26",
  format: "cjs",
  // Names and lines stay: a stack from an image is readable as it is, and the megabyte costs no measurable time.
  minifySyntax: true,
  keepNames: true,
  legalComments: "linked",
  // What a module asks of itself is the bundle, also as the entry of a worker thread.
  define: { "import.meta.filename": "__filename", "import.meta.url": "bundleUrl" },
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  logLevel: "warning",
});
