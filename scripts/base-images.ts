// Which images everything is built on and run beside: the public ones, or stand-ins where no registry can be reached.
//
// Stand-ins are made from Debian's and npm's packages, under names of their own, and kept for the next run.
import { createHash } from "node:crypto";
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output, runQuietly, say, ScriptError, succeeds } from "./command.ts";
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

/** The name of an image to use on this machine; a stand-in is built when it is missing. */
export async function baseImage(name: BaseImage): Promise<string> {
  return (await registryAnswers()) ? publicImages[name] : standIn(name);
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

const standIn = (name: BaseImage): Promise<string> =>
  shared(name, () => {
    if (name === "debian") return debianRoot("trixie");
    if (name === "debian12") return debianRoot("bookworm");
    return derived(name);
  });

async function debianRoot(suite: string): Promise<string> {
  const image = `moustash-standin/debian:${suite}`;
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
    const args = ["--variant=minbase", "--include=ca-certificates", suite, archive, await debianMirror()];
    await runQuietly(`Building ${image}`, "mmdebstrap", args);
    await output("docker", ["import", archive, image]);
    return image;
  });
}

/** A stand-in is as old as its recipe: the recipe's digest is its tag. */
async function derived(name: Exclude<BaseImage, "debian" | "debian12">): Promise<string> {
  const recipe = createHash("sha256").update(`${process.version} ${npmVersion}`);
  for (const file of (await readdir(recipes)).toSorted()) recipe.update(await readFile(join(recipes, file)));
  const image = `moustash-standin/${name}:${recipe.digest("hex").slice(0, 12)}`;
  if (await exists(image)) return image;
  const root = await standIn("debian");
  return inTemporaryFolder(async (folder) => {
    await cp(recipes, folder, { recursive: true });
    if (name === "node") {
      await copyFile(process.execPath, join(folder, "node"));
      await output("npm", ["pack", "--silent", `npm@${npmVersion}`, "--pack-destination", folder]);
      await rename(join(folder, `npm-${npmVersion}.tgz`), join(folder, "npm.tgz"));
    }
    const args = ["build", "--target", name, "--build-arg", `ROOT_IMAGE=${root}`, "--tag", image, folder];
    await runQuietly(`Building ${image}`, "docker", args);
    return image;
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
