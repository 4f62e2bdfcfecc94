// A configuration is read anew when what it was read from changes, and not for what else lies in the folder.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { watchConfig } from "../../../src/commands/reload.ts";
import type { Text } from "../../../src/config/text.ts";
import { eventually } from "../../servers/server.ts";

const logger = { debug() {}, info() {}, warn() {}, error() {} } as never;

async function watched(texts: (folder: string) => readonly Text[]) {
  const folder = await mkdtemp(join(tmpdir(), "moustash-reload-"));
  const path = join(folder, "m.ini");
  await writeFile(path, "[Cuir]\n");
  const config = { texts: texts(folder), targetEntries: [], groups: [], files: [path], path };
  let read = 0;
  const watching = watchConfig({
    config,
    reload: async () => {
      read += 1;
      return config;
    },
    subscribe: () => () => {},
    logger,
    apply() {},
  });
  return {
    folder,
    path,
    read: () => read,
    /** Longer than an editor is waited for. */
    settle: () => delay(700),
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
}

test("other files in its folder are nothing to it; a new file in its place, and a ConfigMap's swap, are", async () => {
  await using it = await watched(() => []);
  await writeFile(join(it.folder, "other.log"), "something");
  await it.settle();
  assert.equal(it.read(), 0);
  await writeFile(join(it.folder, "m.ini.new"), "[Cuir]\ninterval: 1s\n");
  await rename(join(it.folder, "m.ini.new"), it.path);
  await eventually(() => it.read() === 1, { what: "the new file" });
  // As the kubelet does it.
  await mkdir(join(it.folder, "..2026"));
  await symlink("..2026", join(it.folder, "..data_tmp"));
  await rename(join(it.folder, "..data_tmp"), join(it.folder, "..data"));
  await eventually(() => it.read() === 2, { what: "the swap" });
});

test("where include looks, any file may be one of its own", async () => {
  await using it = await watched((folder) => [
    { section: "Cuir", key: "include", text: "*.list", origin: `${join(folder, "m.ini")}:2` },
  ]);
  await writeFile(join(it.folder, "more.list"), "SSH: 10.1.2.3:22:ssh\n");
  await eventually(() => it.read() === 1, { what: "the new list" });
});
