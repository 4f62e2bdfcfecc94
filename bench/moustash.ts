// Our side: the bundle as the images have it, run with their flags; and further entries bundled in the same way.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../scripts/bundle.ts";

export interface Moustash extends AsyncDisposable {
  /** Of the build, for this run's files. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The words that run a tool. */
  command(tool: "cuir" | "fouet" | "panpan", ...args: readonly string[]): [string, ...string[]];
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

export async function buildMoustash(): Promise<Moustash> {
  const folder = await mkdtemp(join(tmpdir(), "moustash-bench-"));
  const flags = await imageFlags();
  const file = join(folder, "moustash.cjs");
  await bundle({ outfile: file });
  return {
    folder,
    env: environmentOf(folder),
    command: (tool, ...args) => [process.execPath, ...flags, file, tool, ...args],
    async work(name) {
      const outfile = join(folder, `${name}.cjs`);
      await bundle({ entry: `bench/work/${name}.ts`, outfile });
      return [process.execPath, ...flags, outfile];
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The flags that the launcher in the images gives to node, from its own recipe. */
async function imageFlags(): Promise<string[]> {
  const recipe = await readFile("images/assemble", "utf8");
  const [, list] = /NODE_FLAGS=((?:"[^"]*",?)*)/.exec(recipe) ?? [];
  if (list === undefined) throw new Error("images/assemble names no NODE_FLAGS");
  return [...list.matchAll(/"([^"]*)"/g)].map(([, flag]) => flag!);
}
