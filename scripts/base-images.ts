// Which images everything is built on and run beside: the public ones, or stand-ins where no registry can be reached.
//
// Stand-ins are made from Debian's and npm's packages, under names of their own, and kept for the next run.
import { createHash } from "node:crypto";
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output, runQuietly, say, ScriptError, succeeds } from "./command.ts";
import { nodeCpu } from "./emulation.ts";
import { aptInstall, debianMirror } from "./engine.ts";

/** The defaults of the Dockerfiles and of the compose file say the same; a test says so. */
export const publicImages = {
  node: "node:26.10.0-trixie-slim",
  debian: "debian:trixie-slim",
  debian12: "debian:bookworm-slim",
  musl: "alpine:3.22",
  busybox: "busybox:1.37",
  redis: "redis:8.0",
  logstash: "logstash:9.1.0",
  rabbitmq: "rabbitmq:4.1",
};

export type BaseImage = keyof typeof publicImages;

const npmVersion = "11.6.2";
const recipes = "images/stand-ins";

/** The name of an image to use on this machine, or of Node's for another CPU; a stand-in is built when it is missing. */
export async function baseImage(name: BaseImage, cpu?: string): Promise<string> {
  return (await registryAnswers()) ? publicImages[name] : standIn(name, cpu);
}

const once = new Map<string, Promise<unknown>>();

/** Side-by-side callers share one attempt. */
function shared<Result>(key: string, attempt: () => Promise<Result>): Promise<Result> {
  if (!once.has(key)) once.set(key, attempt());
  return once.get(key) as Promise<Result>;
}

/**
 * Whether public images can be pulled, found out by pulling the smallest; STAND_INS=yes or no decides without. The
 * answer is left there for the scripts and tests that this process starts.
 */
export const registryAnswers = () =>
  shared("registry", async () => {
    if (!process.env.STAND_INS) {
      const answers = await succeeds("docker", ["pull", "-q", publicImages.busybox], { timeoutMs: 20_000 });
      process.env.STAND_INS = answers ? "no" : "yes";
      if (!answers)
        say(
          "No image registry can be reached: using stand-ins (moustash-standin/…) made from Debian and npm packages.",
        );
    }
    return process.env.STAND_INS === "no";
  });

const standIn = (name: BaseImage, cpu?: string): Promise<string> =>
  shared(`${name} ${cpu}`, () => {
    if (name === "debian") return debianRoot("trixie", cpu);
    if (name === "debian12") return debianRoot("bookworm", cpu);
    return derived(name, cpu);
  });

const suffixOf = (cpu: string | undefined) => (cpu === undefined ? "" : `-${cpu}`);
const platformOf = (cpu: string | undefined) => (cpu === undefined ? [] : ["--platform", `linux/${cpu}`]);

async function debianRoot(suite: string, cpu?: string): Promise<string> {
  const image = `moustash-standin/debian:${suite}${suffixOf(cpu)}`;
  if (await exists(image)) return image;
  if (!(await succeeds("which", ["mmdebstrap"]))) {
    if (process.getuid?.() !== 0 || !(await succeeds("which", ["apt-get"])))
      throw new ScriptError(
        "no image registry can be reached, and stand-ins need mmdebstrap: install it, or run this as root on Debian",
      );
    await aptInstall("mmdebstrap");
  }
  return inTemporaryFolder(async (folder) => {
    const archive = join(folder, "root.tar");
    const architecture = cpu === undefined ? [] : [`--architectures=${cpu}`];
    const what = ["--variant=minbase", "--include=ca-certificates", ...architecture];
    const args = [...what, suite, archive, await debianMirror()];
    await runQuietly(`Building ${image}`, "mmdebstrap", args);
    // Not by `docker import`, which takes every image for one of its own CPU.
    await writeFile(join(folder, "Dockerfile"), "FROM scratch\nADD root.tar /\n");
    await output("docker", ["build", "--quiet", ...platformOf(cpu), "--tag", image, folder]);
    return image;
  });
}

/** A stand-in is as old as its recipe: the recipe's digest is its tag. */
async function derived(name: Exclude<BaseImage, "debian" | "debian12">, cpu?: string): Promise<string> {
  const recipe = createHash("sha256").update(`${process.version} ${npmVersion}`);
  for (const file of (await readdir(recipes)).toSorted()) recipe.update(await readFile(join(recipes, file)));
  const image = `moustash-standin/${name}:${recipe.digest("hex").slice(0, 12)}${suffixOf(cpu)}`;
  if (await exists(image)) return image;
  const root = await standIn("debian", cpu);
  return inTemporaryFolder(async (folder) => {
    await cp(recipes, folder, { recursive: true });
    if (name === "node") {
      await copyNode(join(folder, "node"), cpu);
      await output("npm", ["pack", "--silent", `npm@${npmVersion}`, "--pack-destination", folder]);
      await rename(join(folder, `npm-${npmVersion}.tgz`), join(folder, "npm.tgz"));
    }
    const from = ["--target", name, "--build-arg", `ROOT_IMAGE=${root}`, ...platformOf(cpu)];
    await runQuietly(`Building ${image}`, "docker", ["build", ...from, "--tag", image, folder]);
    return image;
  });
}

/** The official binary: this one, or from the package that npm has for the other CPU. */
async function copyNode(file: string, cpu?: string): Promise<void> {
  if (cpu === undefined) return copyFile(process.execPath, file);
  await inTemporaryFolder(async (folder) => {
    const name = `node-linux-${nodeCpu(cpu)}@${process.version.slice(1)}`;
    const packed = await output("npm", ["pack", "--silent", name, "--pack-destination", folder]);
    await output("tar", ["-xzf", join(folder, packed), "-C", folder, "package/bin/node"]);
    await copyFile(join(folder, "package/bin/node"), file);
  });
}

const exists = (image: string) => succeeds("docker", ["image", "inspect", image]);

async function inTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "moustash-standin-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
