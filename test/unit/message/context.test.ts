// What is known of where PanPan runs.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Environment, findContext } from "../../../src/message/context.ts";

const id = "0123456789abcdef".repeat(4);
const find = (environment: Environment, files: Record<string, string> = {}) =>
  findContext({ environment, directory: "/", read: (path) => files[path] });

test("nothing known is nothing told", () => {
  assert.deepEqual(find({ SECRET: "x", PATH: "/bin" }), {});
});

test("a container, by its engine's mounts or its cgroup", () => {
  const mount = `714 695 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw`;
  assert.deepEqual(find({}, { "/proc/self/mountinfo": mount }), { container: { id } });
  assert.deepEqual(find({}, { "/proc/self/cgroup": `0::/system.slice/docker-${id}.scope\n` }), {
    container: { id },
  });
});

test("a pod, its namespace from its service account", () => {
  const environment = { KUBERNETES_SERVICE_HOST: "10.0.0.1", HOSTNAME: "web-7f" };
  const files = { "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "shop\n" };
  assert.deepEqual(find(environment, files), { kubernetes: { pod: "web-7f", namespace: "shop" } });
});

test("a CI job and its commit", () => {
  const environment = {
    GITLAB_CI: "true",
    CI_JOB_NAME: "test",
    CI_JOB_URL: "https://ci/1",
    CI_COMMIT_SHA: "abc",
    CI_COMMIT_REF_NAME: "main",
  };
  assert.deepEqual(find(environment), {
    git: { commit: "abc", branch: "main" },
    ci: { system: "gitlab", job: "test", url: "https://ci/1" },
  });
});

test("a work tree: loose and packed refs, a detached head, a linked work tree", async () => {
  const root = await mkdtemp(join(tmpdir(), "moustash-git-"));
  const commit = "a".repeat(40);
  const git = (directory: string) => findContext({ environment: {}, directory }).git;
  try {
    await mkdir(join(root, ".git/refs/heads"), { recursive: true });
    await mkdir(join(root, "deep/er"), { recursive: true });
    await writeFile(join(root, ".git/HEAD"), "ref: refs/heads/main\n");
    await writeFile(join(root, ".git/packed-refs"), `# pack-refs\n${commit} refs/heads/main\n`);
    assert.deepEqual(git(join(root, "deep/er")), { commit, branch: "main" });
    await writeFile(join(root, ".git/refs/heads/main"), `${"b".repeat(40)}\n`);
    assert.deepEqual(git(root), { commit: "b".repeat(40), branch: "main" });
    await writeFile(join(root, ".git/HEAD"), `${commit}\n`);
    assert.deepEqual(git(root), { commit });
    await mkdir(join(root, ".git/worktrees/side"), { recursive: true });
    await mkdir(join(root, "side"));
    await writeFile(join(root, "side/.git"), `gitdir: ${join(root, ".git/worktrees/side")}\n`);
    await writeFile(join(root, ".git/worktrees/side/HEAD"), "ref: refs/heads/main\n");
    await writeFile(join(root, ".git/worktrees/side/commondir"), "../..\n");
    assert.deepEqual(git(join(root, "side")), { commit: "b".repeat(40), branch: "main" });
  } finally {
    await rm(root, { recursive: true });
  }
});
