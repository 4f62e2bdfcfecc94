// The tools as users run them; or a mutant: a build with one line broken, to prove that the campaign sees it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

export interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** What each mutant does wrong. */
export const mutations: Record<string, Mutation> = {
  "without fsync": {
    file: "src/database.ts",
    from: 'outlives === "process" ? "normal" : "full"',
    to: '"off"',
  },
  "accepted before the commit": {
    file: "src/ship.ts",
    from: "attempt.stored = store(rest);",
    // On a disk that takes its time: a kill must not have to hit half a millisecond.
    to: "await accept({ ...batch, events: rest }, { at: 'spool' }); batch = { ...batch, accepted() {} }; await new Promise((resolve) => setTimeout(resolve, 20)); attempt.stored = store(rest);",
  },
  "timed-out connection kept open": {
    file: "src/transport/redis-connection.ts",
    from: "socket.reset();\n      redis.disconnect();",
    // For us it is over; for the kernel it is not.
    to: 'socket.stream.emit("close");',
  },
  "a damaged log taken for a shorter one": {
    file: "src/database.ts",
    from: 'if (options.outlives !== "process") requireWholeLog(path);',
    to: "",
  },
  "what cannot be routed taken for delivered": {
    file: "src/transport/rabbitmq-publish.ts",
    from: "mandatory: true",
    to: "mandatory: false",
  },
  "removed before the broker has it": {
    file: "src/ship.ts",
    from: "const sending = send(rows);",
    to: "await drain.remove(rows); const sending = send(rows);",
  },
  "new events overtake those in the spool": {
    file: "src/ship.ts",
    from: "if (!ownRowsWait) {",
    to: "if (ownRowsWait || !ownRowsWait) {",
  },
};

/** Builds into the folder; gives the file to run. */
export async function buildTools(folder: string, mutation?: Mutation): Promise<string> {
  let applied = mutation === undefined;
  await build({
    absWorkingDir: root,
    entryPoints: { moustash: "src/main.ts", disk: "src/disk-thread.ts" },
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    define: {
      "import.meta.filename": "__filename",
      "import.meta.dirname": "__dirname",
      "import.meta.url": "bundleUrl",
    },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: "error",
    plugins: [
      {
        name: "mutation",
        setup(plugin) {
          if (!mutation) return;
          plugin.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            if (path !== join(root, mutation.file)) return undefined;
            const source = await readFile(path, "utf8");
            if (!source.includes(mutation.from))
              throw new Error(`${mutation.file} has no "${mutation.from}"`);
            applied = true;
            return { contents: source.replace(mutation.from, () => mutation.to), loader: "ts" };
          });
        },
      },
    ],
  });
  if (!applied) throw new Error(`${mutation!.file} is in no build`);
  return join(folder, "moustash.cjs");
}
