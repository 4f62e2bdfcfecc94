// The releases of the brokers that the tests run on: the machine's own, and those of another Debian in a tree beside it.
//
// A tree is unpacked, not installed: nothing of the machine changes. It is kept in the user's cache, for every clone.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { runQuietly, say, ScriptError, succeeds } from "./command.ts";
import { aptInstall, debianMirror } from "./engine.ts";

type Suite = "bookworm" | "trixie";

export interface Release {
  /** For people, as the package says it. */
  readonly title: string;
  readonly suite: Suite;
  /** The server's program. */
  readonly program: string;
}

const redisReleases: Readonly<Record<string, Release>> = {
  "redis-7": { title: "Redis 7.0", suite: "bookworm", program: "/usr/bin/redis-server" },
  "redis-8": { title: "Redis 8.0", suite: "trixie", program: "/usr/bin/redis-server" },
  "valkey-8": { title: "Valkey 8.1", suite: "trixie", program: "/usr/bin/valkey-server" },
};

const rabbitmqReleases: Readonly<Record<string, Release>> = {
  "rabbitmq-3": {
    title: "RabbitMQ 3.10",
    suite: "bookworm",
    program: "/usr/lib/rabbitmq/bin/rabbitmq-server",
  },
  "rabbitmq-4": { title: "RabbitMQ 4.0", suite: "trixie", program: "/usr/lib/rabbitmq/bin/rabbitmq-server" },
};

/** Each names another server for the tests than the machine's own. */
const variables = {
  MOUSTASH_TEST_REDIS: redisReleases,
  MOUSTASH_TEST_RABBITMQ: rabbitmqReleases,
};

export type ReleaseVariable = keyof typeof variables;

/** The release that such a variable names; undefined: the machine's own, whatever it is. */
export function chosenRelease(variable: ReleaseVariable): Release | undefined {
  const name = process.env[variable];
  if (!name) return undefined;
  const known = variables[variable];
  if (known[name]) return known[name];
  throw new ScriptError(`${variable}=${name} is unknown: it must be ${Object.keys(known).join(" or ")}`);
}

export const chosenReleases = (): readonly Release[] =>
  (Object.keys(variables) as ReleaseVariable[]).flatMap((variable) => chosenRelease(variable) ?? []);

/** Names of releases by variable. */
export type Servers = Readonly<Partial<Record<ReleaseVariable, string>>>;

/** What the brokers' tests run on: each Debian's pair, and Valkey. */
const rounds: readonly Servers[] = [
  { MOUSTASH_TEST_REDIS: "redis-7", MOUSTASH_TEST_RABBITMQ: "rabbitmq-3" },
  { MOUSTASH_TEST_REDIS: "redis-8", MOUSTASH_TEST_RABBITMQ: "rabbitmq-4" },
  { MOUSTASH_TEST_REDIS: "valkey-8" },
];

export const releasesOf = (servers: Servers): readonly Release[] =>
  Object.entries(servers).map(([variable, name]) => variables[variable as ReleaseVariable][name]!);

/** The rounds that are not the machine's own packages. */
export const roundsBesideOwn = (): readonly Servers[] =>
  rounds.filter((servers) => !releasesOf(servers).every(isOwn));

/** The servers, and what their scripts call. */
const packages: Record<Suite, readonly string[]> = {
  bookworm: ["redis-server", "rabbitmq-server"],
  trixie: ["redis-server", "valkey-server", "rabbitmq-server"],
};
const surroundings = ["base-files", "libc-bin", "dash", "coreutils", "sed", "grep"];

/** Goes up when trees are built in another way. */
const recipe = 1;

/** Where a suite's tree is, or would be. */
export const treeOf = (suite: Suite) =>
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "moustash", `${suite}-servers-${recipe}`);

/** Whether the machine's own packages are that release. */
export function isOwn({ suite, program }: Release): boolean {
  return machineSuite() === suite && existsSync(program);
}

function machineSuite(): string | undefined {
  if (!existsSync("/etc/os-release")) return undefined;
  return /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
}

/** Builds the trees of the releases that are not the machine's own; says why where it cannot. */
export async function ensureReleases(releases: readonly Release[]): Promise<void> {
  const suites = new Set(releases.filter((release) => !isOwn(release)).map(({ suite }) => suite));
  for (const suite of suites) {
    if (existsSync(treeOf(suite))) continue;
    try {
      await buildTree(suite);
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      say(`Without Debian ${suite}'s servers the tests on them are skipped: ${error.message}`);
    }
  }
}

async function buildTree(suite: Suite): Promise<void> {
  if (process.getuid?.() !== 0) throw new ScriptError("they are unpacked by root only");
  if (!(await succeeds("which", ["mmdebstrap"]))) {
    if (!(await succeeds("which", ["apt-get"]))) throw new ScriptError("there is no apt here");
    await aptInstall("mmdebstrap");
  }
  const tree = treeOf(suite);
  await mkdir(dirname(tree), { recursive: true });
  // Whole or not at all: another clone may be building the same.
  const folder = await mkdtemp(`${tree}-`);
  try {
    const include = [...surroundings, ...packages[suite]].join(",");
    const args = ["--variant=extract", `--include=${include}`, suite, folder, await debianMirror()];
    await runQuietly(
      `Unpacking ${packages[suite].join(", ")} of Debian ${suite} beside this system's`,
      "mmdebstrap",
      args,
    );
    // What installing would have written.
    await writeFile(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await writeFile(join(folder, "etc/hosts"), "127.0.0.1 localhost\n");
    await rename(folder, tree).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
