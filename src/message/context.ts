// What is known of where PanPan runs, for --context: container, pod, compose service, commit, CI job; nothing else
// of the environment.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Places {
  readonly environment: Environment;
  readonly directory: string;
  /** A file's text; undefined where it cannot be read. */
  readonly read?: (path: string) => string | undefined;
}

/** Only what was found; empty objects are left out. */
export function findContext({
  environment,
  directory,
  read = readText,
}: Places): Readonly<Record<string, unknown>> {
  const found = {
    container: known({ id: containerId(read) }),
    kubernetes: kubernetes(environment, read),
    compose: known({ project: environment.COMPOSE_PROJECT_NAME, service: environment.COMPOSE_SERVICE }),
    git: known(git(environment, directory, read)),
    ci: known(ci(environment)),
  };
  return known(found) ?? {};
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Without what is undefined or empty; undefined where nothing is left. */
function known<T extends object>(record: T): Partial<T> | undefined {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined && value !== "");
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}

/** The engine's own mounts of /etc/hostname name the container; else the cgroup's path (version 1). */
function containerId(read: (path: string) => string | undefined): string | undefined {
  const mounts = read("/proc/self/mountinfo") ?? "";
  const cgroup = read("/proc/self/cgroup") ?? "";
  return (
    /\/(?:containers|overlay-containers|sandboxes)\/([0-9a-f]{64})\//.exec(mounts)?.[1] ??
    /(?:^|[/-])([0-9a-f]{64})(?:\.scope)?$/m.exec(cgroup)?.[1]
  );
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/** The downward API's usual names, and what every pod has: its name is its host name. */
function kubernetes(environment: Environment, read: (path: string) => string | undefined) {
  if (environment.KUBERNETES_SERVICE_HOST === undefined) return undefined;
  return known({
    pod: environment.POD_NAME ?? environment.HOSTNAME,
    namespace: environment.POD_NAMESPACE ?? read(serviceAccount)?.trim(),
    node: environment.NODE_NAME,
  });
}

function git(environment: Environment, directory: string, read: (path: string) => string | undefined) {
  const { GITHUB_SHA, CI_COMMIT_SHA, GIT_COMMIT, BUILDKITE_COMMIT, CIRCLE_SHA1 } = environment;
  const head = headOf(directory, read);
  return {
    commit: GITHUB_SHA ?? CI_COMMIT_SHA ?? GIT_COMMIT ?? BUILDKITE_COMMIT ?? CIRCLE_SHA1 ?? head?.commit,
    branch: environment.GITHUB_REF_NAME ?? environment.CI_COMMIT_REF_NAME ?? head?.branch,
  };
}

/** Source: gitrepository-layout(5): HEAD, refs/, packed-refs; `gitdir:` in a work tree, commondir beside its HEAD. */
function headOf(directory: string, read: (path: string) => string | undefined) {
  const root = above(directory, (one) => existsSync(join(one, ".git")));
  if (root === undefined) return undefined;
  const pointer = /^gitdir: (.+)$/m.exec(read(join(root, ".git")) ?? "")?.[1];
  const own = pointer === undefined ? join(root, ".git") : resolveFrom(root, pointer);
  const head = read(join(own, "HEAD"))?.trim() ?? "";
  const ref = /^ref: (.+)$/.exec(head)?.[1];
  if (ref === undefined)
    return { commit: /^[0-9a-f]{40,64}$/.test(head) ? head : undefined, branch: undefined };
  const common = resolveFrom(own, read(join(own, "commondir"))?.trim() ?? ".");
  const packed = (read(join(common, "packed-refs")) ?? "")
    .split("\n")
    .find((line) => line.endsWith(` ${ref}`));
  return {
    commit: read(join(common, ref))?.trim() ?? packed?.split(" ")[0],
    branch: ref.replace(/^refs\/heads\//, ""),
  };
}

const resolveFrom = (base: string, path: string) => (path.startsWith("/") ? path : join(base, path));

function above(directory: string, holds: (directory: string) => boolean): string | undefined {
  for (let one = directory; ; one = dirname(one)) {
    if (holds(one)) return one;
    if (one === dirname(one)) return undefined;
  }
}

function ci(environment: Environment) {
  const { GITHUB_ACTIONS, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_JOB } = environment;
  if (GITHUB_ACTIONS !== undefined) {
    return {
      system: "github",
      job: GITHUB_JOB,
      url: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`,
    };
  }
  if (environment.GITLAB_CI !== undefined) {
    return { system: "gitlab", job: environment.CI_JOB_NAME, url: environment.CI_JOB_URL };
  }
  if (environment.JENKINS_URL !== undefined) {
    return { system: "jenkins", job: environment.JOB_NAME, url: environment.BUILD_URL };
  }
  if (environment.BUILDKITE !== undefined) {
    return { system: "buildkite", job: environment.BUILDKITE_LABEL, url: environment.BUILDKITE_BUILD_URL };
  }
  if (environment.CIRCLECI !== undefined) {
    return { system: "circleci", job: environment.CIRCLE_JOB, url: environment.CIRCLE_BUILD_URL };
  }
  return {};
}
