// Our side: the bundle as the images have it, run with their flags; and further entries bundled in the same way.
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, bundleFile } from "../scripts/bundle.ts";
import { output } from "../scripts/command.ts";

type Tool = (typeof tools)[number];

export interface Moustash extends AsyncDisposable {
  /** Of the build, for this run's files. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The words that run a tool. */
  command(tool: Tool, ...args: readonly string[]): [string, ...string[]];
  /** The words that run one of bench/work, bundled like the tools. */
  work(name: string): Promise<[string, ...string[]]>;
}

/** What a tool is given: nothing of this machine's configuration, and a spool on a disk. */
const environmentOf = (folder: string) => ({
  PATH: "/usr/local/bin:/usr/bin:/bin",
  MOUSTASH_CONFIG: "none",
  MOUSTASH_HOST: "bench",
  MOUSTASH_REDIS_IP: "127.0.0.1",
  MOUSTASH_SPOOL: join(folder, "spool"),
  CUIR_HTTP: "none",
  FOUET_HTTP: "none",
});

const tools = ["cuir", "fouet", "panpan"] as const;

export async function buildMoustash(): Promise<Moustash> {
  const folder = await mkdtemp(join(tmpdir(), "moustash-bench-"));
  const flags = await wordsByTool("images/launcher/flags");
  const variables = await wordsByTool("images/launcher/environment");
  const start = join(folder, "start.cjs");
  await bundle(folder);
  await copyFile("images/launcher/start.cjs", start);
  for (const line of await linesOf("images/launcher/waited-for")) {
    const [tool, ...words] = line.split(" ");
    await output(
      process.execPath,
      [...flags[tool as Tool], "images/launcher/warm.cjs", start, tool!, ...words],
      { env: { CUIR_HTTP: "127.0.0.1:1", FOUET_HTTP: "127.0.0.1:1", NODE_OPTIONS: undefined } },
    );
  }
  return {
    folder,
    env: environmentOf(folder),
    command(tool, ...args) {
      const words = [process.execPath, ...flags[tool], start, tool, ...args] as const;
      return variables[tool].length === 0 ? [...words] : ["env", ...variables[tool], ...words];
    },
    async work(name) {
      const outfile = join(folder, `${name}.cjs`);
      await bundleFile(`bench/work/${name}.ts`, outfile);
      return [process.execPath, ...flags.cuir, outfile];
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What the launcher in the images gives to node, by the tool. */
async function wordsByTool(file: string): Promise<Record<Tool, readonly string[]>> {
  const lines = (await linesOf(file)).map((line) => line.split(" "));
  const entries = tools.map((tool) => [tool, lines.find(([name]) => name === tool)?.slice(1) ?? []]);
  return Object.fromEntries(entries) as Record<Tool, readonly string[]>;
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, "utf8")).trim().split("\n");
}
