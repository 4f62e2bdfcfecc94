// What was read is asked again: each answer counts, also that there is nothing.
import assert from "node:assert/strict";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openFiles } from "../../../src/config/files.ts";
import { temporaryFolder } from "../../servers/server.ts";

test("any file that says something else, is new or is gone is a change, and nothing else is", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await writeFile(at("one"), "1");
  const files = openFiles();
  assert.equal(files.read(at("one")), "1");
  assert.throws(() => files.read(at("two")), /does not exist/);
  assert.deepEqual(files.find("*.ini", folder.path), []);
  assert.deepEqual(files.paths, [at("one"), at("two")]);
  assert.equal(files.areUnchanged(), true);
  const changes: [name: string, text: string | undefined, back: string | undefined][] = [
    ["one", "2", "1"],
    ["one", "", "1"],
    ["one", undefined, "1"],
    ["two", "", undefined],
    ["a.ini", "", undefined],
  ];
  const put = (name: string, text: string | undefined) =>
    text === undefined ? rm(at(name)) : writeFile(at(name), text);
  for (const [name, text, back] of changes) {
    await put(name, text);
    assert.equal(files.areUnchanged(), false, `${name} ${text}`);
    await put(name, back);
    assert.equal(files.areUnchanged(), true, `${name} as it was`);
  }
  await writeFile(at("a.log"), "something");
  assert.equal(files.areUnchanged(), true);
});

test("a file that changed between two readings of it is a change", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "one");
  const files = openFiles();
  for (const text of ["1", "2"]) {
    await writeFile(path, text);
    assert.equal(files.read(path), text);
  }
  assert.equal(files.areUnchanged(), false);
});

test("folders are those of the files, and those in which a pattern may find others", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await mkdir(at("d/a/deep"), { recursive: true });
  await mkdir(at("elsewhere"));
  await symlink("../elsewhere", at("d/b"));
  const foldersOf = (pattern: string) => {
    const files = openFiles();
    files.find(pattern, folder.path);
    return [...files.folders()].toSorted();
  };
  assert.deepEqual(foldersOf("*.ini"), [folder.path]);
  assert.deepEqual(foldersOf("new/*.ini"), [at("new")]);
  assert.deepEqual(foldersOf("d/*/*.ini"), [at("d"), at("d/a"), at("d/b")]);
  assert.deepEqual(foldersOf("d/{a,b}/1.ini"), [at("d"), at("d/a"), at("d/b")]);
  assert.deepEqual(foldersOf(at("d/*/deep/*.ini")), [at("d"), at("d/a"), at("d/a/deep"), at("d/b")]);
});
