// Builds the three images, tagged latest and with the version.
//   npm run images [-- --platform linux/arm64]
// For another CPU than this machine's they get its name behind the version, are built and tried in qemu, and `latest` stays.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { baseImage } from "./base-images.ts";
import { main, output, runQuietly, say } from "./command.ts";
import { ensureEmulation, foreignCpu } from "./emulation.ts";
import { ensureEngine } from "./engine.ts";

export const tools = ["cuir", "fouet", "panpan"] as const;

export interface BuildOptions {
  /** Another CPU than this machine's. */
  readonly cpu?: string | undefined;
  /** Further words for `docker build`. */
  readonly words?: readonly string[];
  /** Instead of `latest` and the version. */
  readonly tags?: readonly string[];
  readonly of?: readonly (typeof tools)[number][];
}

/** Builds moustash/cuir, moustash/fouet and moustash/panpan; in seconds where little has changed. */
export async function buildImages({ cpu, words = [], tags, of = tools }: BuildOptions = {}): Promise<
  string[]
> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const args = { NODE_IMAGE: await baseImage("node", cpu), VERSION: version, ...(await revision()) };
  const secrets = await mkdtemp(join(tmpdir(), "moustash-secrets-"));
  const names = tags ?? (cpu ? [`${version}-${cpu}`] : [version, "latest"]);
  const built: string[] = [];
  try {
    const common = [
      ...Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      ...(await npmSecrets(secrets)),
      ...(cpu ? ["--platform", `linux/${cpu}`] : []),
      ...words,
    ];
    for (const tool of of) {
      const images = names.map((name) => `moustash/${tool}:${name}`);
      const tagged = images.flatMap((image) => ["--tag", image]);
      const recipe = ["--file", `images/${tool}/Dockerfile`, "."];
      await runQuietly(`Building ${images[0]}`, "docker", ["build", ...tagged, ...common, ...recipe]);
      built.push(images[0]!);
    }
  } finally {
    await rm(secrets, { recursive: true, force: true });
  }
  return built;
}

async function revision(): Promise<Record<string, string>> {
  const log = await output("git", ["log", "-1", "--format=%H %cI %ct"]).catch(() => undefined);
  if (!log) return {};
  const [hash, date, epoch] = log.split(" ");
  return { REVISION: hash!, CREATED: date!, SOURCE_DATE_EPOCH: epoch! };
}

/** What npm needs on this machine (a proxy's certificates, a mirror) goes into the build as secrets, never in a layer. */
async function npmSecrets(folder: string): Promise<string[]> {
  const configured = await output("npm", ["config", "get", "cafile"]).catch(() => "null");
  const authorities = [process.env.NODE_EXTRA_CA_CERTS, configured, "/etc/ssl/certs/ca-certificates.crt"];
  const ca = authorities.find((file) => file && existsSync(file));
  const registry = await output("npm", ["config", "get", "registry"]).catch(() => "");
  await writeFile(join(folder, "npmrc"), registry ? `registry=${registry}\n` : "");
  return [
    ...(ca ? ["--secret", `id=ca,src=${ca}`] : []),
    "--secret",
    `id=npmrc,src=${join(folder, "npmrc")}`,
  ];
}

if (import.meta.main)
  await main(async () => {
    const { values } = parseArgs({ options: { platform: { type: "string" } } });
    const cpu = foreignCpu(values.platform);
    await ensureEngine();
    if (cpu) await ensureEmulation(cpu);
    const built = await buildImages({ cpu });
    const platform = cpu ? ["--platform", `linux/${cpu}`] : [];
    for (const image of built) say(await output("docker", ["run", "--rm", ...platform, image, "--version"]));
    say(await output("docker", ["image", "ls", "--filter", "reference=moustash/*"]));
  });
