// What the tests with a real engine share: docker's output, waiting with a deadline, one's own containers.
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { output } from "../../../scripts/command.ts";

/** Set by scripts/test.ts where no engine can be had: the reason, which tests skip with. */
export const noEngine = process.env.MOUSTASH_TEST_NO_ENGINE ?? false;

export const docker = (...args: string[]) => output("docker", args);

/** A name for what a test makes: the same in every run of this clone, so that a run can remove what a killed one left. */
export function testName(suite: string): string {
  return `moustash-test-${suite}-${basename(process.cwd())
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")}`;
}

/** How users are told to run our images. */
export const hardened = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

/** Tries until it gives something, and gives that; the last reason is in the error when the time is over. */
export async function eventually<Result>(
  what: string,
  attempt: () => Promise<Result | undefined>,
  withinMs = 60_000,
): Promise<Result> {
  let reason: unknown;
  for (const deadlineMs = Date.now() + withinMs; Date.now() < deadlineMs; await delay(200)) {
    try {
      const result = await attempt();
      if (result !== undefined) return result;
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`not within ${withinMs / 1_000} s: ${what}`, { cause: reason });
}

/** Removes the containers, networks and volumes of a label, such as those that a killed run has left. */
export async function removeAll(label: string): Promise<void> {
  const filter = `label=${label}`;
  const containers = await docker("ps", "--all", "--quiet", "--filter", filter);
  if (containers) await docker("rm", "--force", "--volumes", ...containers.split("\n"));
  const networks = await docker("network", "ls", "--quiet", "--filter", filter);
  if (networks) await docker("network", "rm", ...networks.split("\n"));
  const volumes = await docker("volume", "ls", "--quiet", "--filter", filter);
  if (volumes) await docker("volume", "rm", "--force", ...volumes.split("\n"));
}
