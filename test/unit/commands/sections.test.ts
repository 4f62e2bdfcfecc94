// The tables of all tools: each holds together by itself, with the others, and with the page for users.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { page, renderTables } from "../../../scripts/docs.ts";
import {
  cuirSections,
  fouetSections,
  panpanSections,
  targetSettings,
} from "../../../src/commands/sections.ts";
import { commonFlags } from "../../../src/config/command-line.ts";
import { loadConfig } from "../../../src/config/config.ts";
import { flagOf } from "../../../src/config/names.ts";
import { isTarget, parseTarget } from "../../../src/probe/target.ts";
import type { Settings } from "../../../src/setting.ts";

const tools = { cuir: cuirSections, fouet: fouetSections, panpan: panpanSections };

const targets = {
  section: "Cuir",
  isTarget,
  parseLine: ({ key, value }: { key: string; value: string }) => parseTarget(key, value),
  subsections: targetSettings,
};

const namesIn = (settings: Settings): string[] =>
  Object.entries(settings).flatMap(([key, { aliases = [] }]) => [key, ...aliases]);

for (const [tool, sections] of Object.entries<Readonly<Record<string, Settings>>>(tools)) {
  describe(`the settings of ${tool}`, () => {
    it("have defaults that parse", async () => {
      const { warnings } = await loadConfig({ sections, env: {}, path: "none" });
      assert.deepEqual(warnings, []);
    });

    it("have names of their own, also as flags", () => {
      const names = [...Object.values(sections).flatMap(namesIn), ...Object.keys(commonFlags)].map(flagOf);
      assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
    });

    it("are written as the contract writes keys, and say what they are", () => {
      for (const settings of [...Object.values(sections), targetSettings]) {
        for (const [key, { help }] of Object.entries<Settings[string]>(settings)) {
          assert.match(key, /^[a-z][a-z0-9_]*$/);
          assert.match(help, /^[A-Z`\p{L}].*[.:)`]$/su, key);
        }
      }
    });
  });
}

describe("none", () => {
  it("turns off what can be off", () => {
    const { Moustash, Cuir } = cuirSections;
    const { Fouet } = fouetSections;
    assert.deepEqual(Moustash.labels.parse("none"), {});
    assert.deepEqual(Cuir.witnesses.parse("none"), []);
    assert.equal(Cuir.include.parse("none"), undefined);
    assert.equal(Cuir.http_user.parse("none"), undefined);
    assert.equal(Fouet.mask.parse("none"), undefined);
    assert.equal("none".replace(panpanSections.Panpan.mask.parse("none")[0]!, ""), "none");
    assert.deepEqual(targetSettings.depends_on.parse("none"), []);
    assert.equal(targetSettings.http_proxy.parse("none"), undefined);
    // The disk may take an event at once (0), and somebody has to take it at last.
    assert.throws(() => Moustash.accept_within.parse("none"), /no duration/);
  });

  it("includes no files", async () => {
    const { warnings } = await loadConfig({
      sections: cuirSections,
      targets,
      path: "none",
      env: { CUIR_INCLUDE: "none" },
    });
    assert.deepEqual(warnings, []);
  });
});

describe("what targets send", () => {
  it("may hold passwords, and is a secret", () => {
    assert.ok(targetSettings.send.secret && targetSettings.dialogue.secret);
    assert.throws(
      () => targetSettings.dialogue.parse("expect ^220\nPASS hunter2"),
      (error: Error) => /begins with "PASS"/.test(error.message) && !error.message.includes("hunter2"),
    );
  });
});

describe("docs/CONFIGURATION.md", () => {
  it("shows INI files that read as it says", async () => {
    const folder = mkdtempSync(join(tmpdir(), "moustash-docs-"));
    const password = join(folder, "password");
    writeFileSync(password, "secret\n");
    const examples = [...readFileSync(page, "utf8").matchAll(/```ini\n([\s\S]*?)```/g)];
    const read = await Promise.all(
      examples.map(([, text = ""], index) => {
        const path = join(folder, `${index}.ini`);
        writeFileSync(path, text.replace("/run/secrets/redis", password));
        return loadConfig({
          sections: cuirSections,
          targets,
          env: {},
          path,
        });
      }),
    );
    rmSync(folder, { recursive: true });
    const [whole, own] = read;
    assert.equal(whole?.values.Moustash.redis_password, "secret");
    assert.equal(whole.values.Cuir.interval, 5000);
    assert.deepEqual(
      whole.targets.map(({ source, informations }) => [source, informations]),
      [
        ["10.1.2.3:22", "ssh server for HULK"],
        ["[2001:db8::1]:443", "the shop: call Anna"],
      ],
    );
    assert.deepEqual(whole.groups[0]?.values, { fall: 5, severity: "low" });
    assert.equal(own?.groups[0]?.program, "Mail");
    assert.match("220 mail ; ready", own.groups[0].values.expect!);
  });

  it("holds the tables as they are: else run npm run docs", () => {
    const text = readFileSync(page, "utf8");
    assert.equal(text, renderTables(text));
  });
});
