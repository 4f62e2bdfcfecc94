// The local stack as scripts and tests use it: its images, and docker compose with its file.
import { type BaseImage, baseImage } from "./base-images.ts";
import { output, runQuietly, say } from "./command.ts";
import { buildImages } from "./images.ts";

const file = "compose/docker-compose.yml";

/** What a stack runs beside our images; RabbitMQ only where its profile is asked for. */
const besides: readonly BaseImage[] = ["redis", "logstash", "busybox"];

/** Builds everything a stack runs, ours and the demo that Fouet is copied into; in seconds where little has changed. */
export async function buildStack(): Promise<void> {
  await buildImages();
  const args = ["--build-arg", `DEBIAN_IMAGE=${await baseImage("debian")}`, "--tag", "moustash/demo:latest"];
  await runQuietly("Building moustash/demo", "docker", ["build", ...args, "compose/demo"]);
  for (const base of besides) await baseImage(base);
}

export interface Stack {
  /** Starts it, or the services named, and waits until all are healthy. */
  up(...services: string[]): Promise<void>;
  /** Removes its containers, networks and volumes. */
  down(): Promise<void>;
  /** Any other docker compose command, for its output. */
  compose(...args: string[]): Promise<string>;
}

/**
 * The stack of a compose project; variables set its host ports (STACK_REDIS_PORT, …), 0 for any that is free; the
 * profile `rabbitmq` adds that broker.
 */
export function openStack(
  project = "moustash",
  variables: Record<string, string> = {},
  profile?: "rabbitmq",
): Stack {
  const common = ["--file", file, "--project-name", project, ...(profile ? ["--profile", profile] : [])];
  const bases = profile ? [...besides, profile] : besides;
  const quietly = (what: string, args: string[], env = variables) =>
    runQuietly(what, "docker", ["compose", "--progress", "quiet", ...common, ...args], { env });
  const compose = (...args: string[]) =>
    output("docker", ["compose", ...common, ...args], { env: variables });
  return {
    compose,
    async up(...services) {
      const images: Record<string, string> = {};
      for (const base of bases) {
        const variable = `STACK_${base.toUpperCase()}_IMAGE`;
        images[variable] = process.env[variable] ?? (await baseImage(base));
      }
      try {
        const wait = ["--wait", "--wait-timeout", "300"];
        const args = ["up", "--detach", "--no-build", "--remove-orphans", ...wait, ...services];
        await quietly(`Starting the stack ${project}`, args, { ...images, ...variables });
      } catch (error) {
        say(await compose("ps", "--all"));
        say(await compose("logs", "--tail", "20"));
        say("If a port is taken: STACK_REDIS_PORT, STACK_CUIR_PORT and STACK_FOUET_PORT choose others.");
        throw error;
      }
    },
    down: () => {
      const args = ["--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5"];
      return quietly(`Removing the stack ${project}`, args);
    },
  };
}
