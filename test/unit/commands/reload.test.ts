// The configuration is read anew from real files: what is in force then, what takes a restart, and what is said.
import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { cuir } from "../../../src/commands/cuir.ts";
import { hashOf, watchConfig } from "../../../src/commands/reload.ts";
import { loadConfig } from "../../../src/config/config.ts";
import { eventually, temporaryFolder } from "../../servers/server.ts";

/** A Cuir's configuration in `path` (seen from a new folder) that is watched; `files` are what is there before. */
async function watched(path: string, files: Readonly<Record<string, string>>, lookMs?: number) {
  const folder = await temporaryFolder();
  const write = (name: string, text: string) => writeFile(join(folder.path, name), text);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder.path, name, ".."), { recursive: true });
    await write(name, text);
  }
  const load = () =>
    loadConfig({
      sections: cuir.sections,
      targets: cuir.targets,
      path: join(folder.path, path),
      env: {},
    });
  const said: string[] = [];
  const applied: { readonly programs: readonly string[]; readonly hash: string }[] = [];
  const logger = {
    debug() {},
    info: (_: object, message: string) => void said.push(`info ${message}`),
    warn: (_: object, message: string) => void said.push(`warn ${message}`),
    error: (_: object, message: string) => void said.push(`error ${message}`),
  };
  let readings = 0;
  let hangUp = () => {};
  const config = await load();
  const watching = watchConfig({
    config,
    reload() {
      readings += 1;
      return load();
    },
    subscribe(_, listener) {
      hangUp = listener;
      return () => {};
    },
    logger,
    async apply({ targets }, hash) {
      applied.push({ programs: targets.map(({ program }) => program), hash });
      return [];
    },
    ...(lookMs && { lookMs }),
  });
  return {
    folder: folder.path,
    write,
    said,
    hashNow: async () => hashOf(await load()),
    applied,
    readings: () => readings,
    hangUp: () => hangUp(),
    /** Resolves when these are the programs that are probed. */
    probes: (...programs: string[]) =>
      eventually(() => isDeepStrictEqual(applied.at(-1)?.programs, programs), {
        what: `${programs.join(" ")} (${said.join("\n")})`,
        withinMs: 10_000,
      }),
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const list = (...programs: string[]) => programs.map((program) => `${program}: 127.0.0.1:1:x\n`).join("");

test("what takes a restart is named, and neither said to be in force nor part of the hash", async () => {
  const shared = "[Moustash]\nredis_ip: a\nredis_password: p\n";
  await using it = await watched("m.ini", { "m.ini": `${shared}[Cuir]\n${list("A")}` });
  const changed = "[Moustash]\nredis_ip: b\nhost: h\nredis_password: p\n";
  await it.write("m.ini", `${changed}[Cuir]\n${list("A")}`);
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said.splice(0), [
    "warn not in force yet, it takes a restart: [Moustash] host, [Moustash] redis_ip",
  ]);
  assert.equal(it.applied.length, 0);
  it.hangUp();
  await eventually(() => it.said.length > 0);
  assert.match(it.said.splice(0).join("\n"), /^warn .* takes a restart: .*host, .*redis_ip$/, "asked again");
  // Said once, also when something else changes.
  await it.write("m.ini", `${changed}[Cuir]\n${list("A", "B")}`);
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said.splice(0), ["info the new configuration is in force"]);
  const { programs, hash } = it.applied[0]!;
  assert.deepEqual(programs, ["A", "B"]);
  assert.notEqual(hash, await it.hashNow(), "a restart will change it once more");
  await it.write("m.ini", `${shared}[Cuir]\n${list("A", "B")}`);
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said.splice(0), ["info the configuration says what it said before"]);
  assert.equal(hash, await it.hashNow());
});

test("who we are to the broker takes no restart, for it is read with each connection", async () => {
  await using it = await watched("m.ini", { "m.ini": "[Moustash]\nredis_password: p\n" });
  await it.write("m.ini", "[Moustash]\nredis_password: q\n");
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said, ["info the new configuration is in force"]);
});

test("a refusal that is mended is told, also where all is as before", async () => {
  await using it = await watched("m.ini", { "m.ini": `[Cuir]\n${list("A")}` });
  await it.write("m.ini", "[Cuir]\nA: 127.0.0.1:99999:x\n");
  await eventually(() => it.said.length > 0);
  assert.match(it.said.splice(0).join("\n"), /^error the new configuration is refused[^]*m\.ini:2: /);
  await it.write("m.ini", `[Cuir]\n${list("A")}`);
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said, ["info the configuration says what it said before"]);
});

test("what else lies in the folder is not read for: only what the configuration consists of", async () => {
  await using it = await watched("m.ini", { "m.ini": `[Cuir]\n${list("A")}`, "other.log": "" });
  await it.write("other.log", "something");
  await it.write("m.ini", `[Cuir]\n${list("A")}`);
  // Longer than an editor is waited for.
  await delay(700);
  assert.equal(it.readings(), 0);
  it.hangUp();
  await eventually(() => it.said.length > 0);
  assert.deepEqual(it.said, ["info the configuration says what it said before"]);
  assert.equal(it.readings(), 1);
});

test("each file that it consists of is read for: a secret, an included list, one that is new or gone", async () => {
  await using it = await watched("m.ini", {
    "m.ini": "",
    "secrets/token": "old\n",
    "lists/a/1.ini": list("A"),
  });
  const { folder } = it;
  await it.write(
    "m.ini",
    `[Cuir]\nhttp_token_file: ${folder}/secrets/token\ninclude: lists/*/*.ini\n${list("Z")}`,
  );
  await it.probes("Z", "A");
  await it.write("lists/a/1.ini", list("B"));
  await it.probes("Z", "B");
  await it.write("secrets/token", "new\n");
  await eventually(() => it.applied.length === 3);
  await it.write("lists/a/2.ini", list("C"));
  await it.probes("Z", "B", "C");
  await rename(join(folder, "lists/a/1.ini"), join(folder, "lists/a/1.off"));
  await it.probes("Z", "C");
  await mkdir(join(folder, "new"));
  await it.write("new/3.ini", list("D"));
  await rename(join(folder, "new"), join(folder, "lists/b"));
  await it.probes("Z", "C", "D");
});

test("a ConfigMap is swapped as the kubelet does it", async () => {
  await using it = await watched("m.ini", { "..1/m.ini": "", "m.ini": "" });
  const { folder } = it;
  const swap = async (version: string, programs: readonly string[]) => {
    await mkdir(join(folder, version), { recursive: true });
    await it.write(`${version}/m.ini`, `[Cuir]\n${list(...programs)}`);
    await symlink(version, join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  await swap("..1", ["A"]);
  await symlink("..data/m.ini", join(folder, "m.new"));
  await rename(join(folder, "m.new"), join(folder, "m.ini"));
  await it.probes("A");
  await swap("..2", ["B"]);
  await it.probes("B");
});

test("the remedy of a refused configuration is seen where it is written, also in a folder that is new to us", async () => {
  await using it = await watched("m.ini", { "m.ini": "", "lists/1.ini": "nothing of ours\n" });
  await it.write("m.ini", "[Cuir]\ninclude: lists/*.ini\n");
  await eventually(() => it.said.length > 0);
  assert.match(it.said[0]!, /^error .*refused[^]*lists\/1\.ini:1/);
  await it.write("lists/1.ini", list("A"));
  await it.probes("A");
});

test("a folder that was replaced is followed, at once or after it was away", async () => {
  await using it = await watched("conf/m.ini", { "conf/m.ini": `[Cuir]\n${list("A")}`, "new/m.ini": "" });
  const at = (name: string) => join(it.folder, name);
  await it.write("new/m.ini", `[Cuir]\n${list("B")}`);
  await rename(at("conf"), at("conf.old"));
  await rename(at("new"), at("conf"));
  await it.probes("B");
  await it.write("conf/m.ini", `[Cuir]\n${list("C")}`);
  await it.probes("C");
  await rm(at("conf"), { recursive: true });
  await eventually(() => /refused[^]*m\.ini does not exist/.test(it.said.at(-1)!));
  await mkdir(at("conf"));
  await it.write("conf/m.ini", `[Cuir]\n${list("D")}`);
  await it.probes("D");
  await it.write("conf/m.ini", `[Cuir]\n${list("E")}`);
  await it.probes("E");
});

test("after a SIGHUP a folder that was replaced is watched, not the old one, and without a look", async () => {
  const files = { "conf/m.ini": `[Cuir]\n${list("A")}`, "new/m.ini": `[Cuir]\n${list("A")}` };
  await using it = await watched("conf/m.ini", files, 1_000_000);
  const at = (name: string) => join(it.folder, name);
  await rename(at("conf"), at("conf.old"));
  await rename(at("new"), at("conf"));
  // What the move itself had read is over.
  await delay(700);
  it.hangUp();
  await eventually(() => it.said.length > 0);
  await it.write("conf/m.ini", `[Cuir]\n${list("B")}`);
  await it.probes("B");
});

test("a link on the way to the folder is swapped, and what a link to a file leads to is changed", async () => {
  await using it = await watched("m.ini", {
    "m.ini": "[Cuir]\ninclude: current/lists/*.ini\n",
    "releases/1/lists/1.ini": "",
    "releases/2/lists/1.ini": list("B"),
    "elsewhere/list": list("C"),
  });
  const at = (name: string) => join(it.folder, name);
  const link = async (target: string, name: string) => {
    await symlink(target, at("link"));
    await rename(at("link"), at(name));
  };
  await it.write("releases/1/lists/1.ini", list("A"));
  await link("releases/1", "current");
  await it.probes("A");
  await link("releases/2", "current");
  await it.probes("B");
  await it.write("releases/2/lists/1.ini", list("B", "D"));
  await it.probes("B", "D");
  await link("../../../elsewhere/list", "releases/2/lists/1.ini");
  await it.probes("C");
  await it.write("elsewhere/list", list("E"));
  await it.probes("E");
});
