// Builds the three images, tagged latest and with the version.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseImage } from "./base-images.ts";
import { main, output, runQuietly, say } from "./command.ts";
import { ensureEngine } from "./engine.ts";

export const tools = ["cuir", "fouet", "panpan"] as const;

/** Builds moustash/cuir, moustash/fouet and moustash/panpan; in seconds where little has changed. */
export async function buildImages(): Promise<void> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const args = { NODE_IMAGE: await baseImage("node"), VERSION: version, ...(await revision()) };
  const secrets = await mkdtemp(join(tmpdir(), "moustash-secrets-"));
  try {
    const common = [
      ...Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      ...(await npmSecrets(secrets)),
    ];
    for (const tool of tools) {
      const tags = ["--tag", `moustash/${tool}:latest`, "--tag", `moustash/${tool}:${version}`];
      const recipe = ["--file", `images/${tool}/Dockerfile`, "."];
      await runQuietly(`Building moustash/${tool}:${version}`, "docker", [
        "build",
        ...tags,
        ...common,
        ...recipe,
      ]);
    }
  } finally {
    await rm(secrets, { recursive: true, force: true });
  }
}

async function revision(): Promise<Record<string, string>> {
  const log = await output("git", ["log", "-1", "--format=%H %cI"]).catch(() => undefined);
  if (!log) return {};
  const [hash, date] = log.split(" ");
  return { REVISION: hash!, CREATED: date! };
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
    await ensureEngine();
    await buildImages();
    say(await output("docker", ["image", "ls", "--filter", "reference=moustash/*"]));
  });
