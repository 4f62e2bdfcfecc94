// The local stack as scripts and tests use it: its images, and docker compose with its file.
import { type BaseImage, baseImage } from "./base-images.ts";
import { output, runQuietly, say } from "./command.ts";
import { buildImages } from "./images.ts";

const file = "compose/docker-compose.yml";

/** The compose file's variables for the images that a stack runs beside ours, by base image. */
const imageVariables: Partial<Record<BaseImage, string>> = {
  redis: "STACK_REDIS_IMAGE",
  logstash: "STACK_LOGSTASH_IMAGE",
  busybox: "STACK_BUSYBOX_IMAGE",
};

/** Builds everything a stack runs, ours and the demo that Fouet is copied into; in seconds where little has changed. */
export async function buildStack(): Promise<void> {
  await buildImages();
  const args = ["--build-arg", `DEBIAN_IMAGE=${await baseImage("debian")}`, "--tag", "moustash/demo:latest"];
  await runQuietly("Building moustash/demo", "docker", ["build", ...args, "compose/demo"]);
  for (const base of Object.keys(imageVariables) as BaseImage[]) await baseImage(base);
}

export interface Stack {
  /** Starts it and waits until it is healthy. */
  up(): Promise<void>;
  /** Removes its containers, networks and volumes. */
  down(): Promise<void>;
  /** Any other docker compose command, for its output. */
  compose(...args: string[]): Promise<string>;
}

/** The stack of a compose project; variables set its host ports (STACK_REDIS_PORT, …), 0 for any that is free. */
export function openStack(project = "moustash", variables: Record<string, string> = {}): Stack {
  const common = ["--file", file, "--project-name", project];
  const quietly = (what: string, args: string[], env = variables) =>
    runQuietly(what, "docker", ["compose", "--progress", "quiet", ...common, ...args], { env });
  const compose = (...args: string[]) =>
    output("docker", ["compose", ...common, ...args], { env: variables });
  return {
    compose,
    async up() {
      const images: Record<string, string> = {};
      for (const [base, variable] of Object.entries(imageVariables))
        images[variable] = process.env[variable] ?? (await baseImage(base as BaseImage));
      try {
        const wait = ["--wait", "--wait-timeout", "300"];
        const args = ["up", "--detach", "--no-build", "--remove-orphans", ...wait];
        await quietly(`Starting the stack ${project}`, args, { ...images, ...variables });
      } catch (error) {
        say(await compose("ps", "--all"));
        say(await compose("logs", "--tail", "20"));
        say("If a port is taken: STACK_REDIS_PORT, STACK_CUIR_PORT and STACK_FOUET_PORT choose others.");
        throw error;
      }
    },
    down: () => {
      const args = ["--profile", "tools", "down", "--volumes", "--remove-orphans", "--timeout", "5"];
      return quietly(`Removing the stack ${project}`, args);
    },
  };
}
