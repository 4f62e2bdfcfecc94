// What --print-config shows reads again as the same configuration, and holds no secret.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { assert as check, asyncProperty, constantFrom, string } from "fast-check";
import { loadConfig } from "../../../src/config/config.ts";
import { changesBetween, describeConfig, fingerprint, quote } from "../../../src/config/describe.ts";
import { type Entry, parseIni } from "../../../src/config/ini.ts";
import { includeSettings } from "../../../src/config/lists.ts";
import { optional, parseList, parsePort, parseText, setting, several } from "../../../src/setting.ts";

const sections = {
  Moustash: {
    redis_port: setting(parsePort, "6379", "Port."),
    redis_password: optional(parseText, "Password.", { secret: true }),
    rabbitmq_password: setting(parseText, "guest", "Password.", { secret: true }),
    redis_username: optional(parseText, "User."),
    watch_url: optional(parseText, "Where."),
    names: setting(parseList(parseText), "a, b", "Names."),
  },
  Cuir: { ...includeSettings, rules: several(parseText, "Rules.") },
};
const targets = {
  section: "Cuir",
  isTarget: (value: string) => /:\d+:/.test(value),
  parseLine: ({ key, value }: Entry) => [key, value],
  subsections: {
    severity: optional(parseText, "How bad."),
    http_headers: optional(parseText, "Sent.", { secret: true }),
  },
};

const folder = mkdtempSync(join(tmpdir(), "moustash-describe-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "a.ini");
writeFileSync(join(folder, "more.inc"), "FTP: 10.0.0.1:21:ftp");

async function load(text: string, env = {}) {
  writeFileSync(path, text);
  return loadConfig({ sections, targets, path, env });
}

const text = `[Moustash]
redis_password = hunter2
watch_url = "http://me:hunter2@host/ ; x"
[Cuir]
rules: one
  two
include: *.inc
SSH: 10.0.0.1:22:ssh ; server
[Cuir:SSH]
severity: high
http_headers: token=hunter2
`;

describe("the printed configuration", () => {
  it("gives each value with its origin, and no secret", async () => {
    const config = await load(text, { MOUSTASH_REDIS_PORT: "6380" });
    const printed = describeConfig(config).replaceAll(`${folder}/`, "");
    assert.deepEqual(printed.replaceAll(/ +;/g, " ;").split("\n"), [
      "# Read from a.ini",
      "[Moustash]",
      "redis_port = 6380 ; MOUSTASH_REDIS_PORT",
      "redis_password = •••••• ; a.ini:2",
      "rabbitmq_password = •••••• ; default",
      "# redis_username = ; not given",
      'watch_url = "http://••••••@host/ ; x" ; a.ini:3',
      "names = a, b ; default",
      "",
      "[Cuir]",
      "# include = *.inc ; a.ini:7",
      "rules = one",
      "    two ; a.ini:5",
      "SSH: 10.0.0.1:22:ssh ; a.ini:8",
      "FTP: 10.0.0.1:21:ftp ; more.inc:1",
      "",
      "[Cuir:SSH]",
      "severity = high ; a.ini:10",
      "http_headers = •••••• ; a.ini:11",
      "",
    ]);
    assert.doesNotMatch(printed, /hunter2|guest/);
  });

  it("reads again as the same", async () => {
    const config = await load(text.replaceAll("me:hunter2@", ""));
    const again = await load(describeConfig(config));
    assert.deepEqual(changesBetween(config, again), [
      "[Moustash] redis_password",
      "[Moustash] rabbitmq_password",
      "[SSH] http_headers",
    ]);
    assert.equal(fingerprint(again), fingerprint(config));
  });

  it("reads again where a target is called like an option", async () => {
    const config = await load(
      "[Cuir]\nrules: 10.0.0.9:22:x\nSSH: 10.0.0.1:22:ssh\n[Cuir:Rules]\nseverity: high\n",
      { CUIR_RULES: "one" },
    );
    const printed = describeConfig(config);
    assert.match(printed, /^\[Cuir:rules\]\ntarget = 10\.0\.0\.9:22:x +; .*:2\nseverity = high +; /m);
    const again = await load(printed);
    assert.deepEqual(
      changesBetween(config, again).filter((name) => !name.includes("password")),
      [],
    );
  });

  it("quotes whatever the dialect would not read as it is", async () => {
    const value = string({ unit: constantFrom(...Array.from("ab;:=# '\"\t")) }).filter(
      (one) => !(/"[ \t]+;/.test(one) && /'[ \t]+;/.test(one)),
    );
    await check(
      asyncProperty(value, async (one) => {
        const { entries, problems } = await parseIni(`[A]\nx = ${quote(one)} ; default`, "f");
        assert.deepEqual(problems, []);
        assert.equal(entries[0]?.value, one);
      }),
    );
  });
});

describe("two configurations", () => {
  it("differ by what was changed, secrets too", async () => {
    const before = await load(text);
    const changed = await load(
      text.replace("= hunter2", "= other").replace("high", "low").replace("ssh ;", "sshd ;"),
    );
    assert.deepEqual(changesBetween(before, changed), [
      "[Moustash] redis_password",
      "target SSH",
      "[SSH] severity",
    ]);
    assert.notEqual(fingerprint(before), fingerprint(changed));
    const secret = await load(text.replace("= hunter2", "= other"));
    assert.equal(fingerprint(before), fingerprint(secret));
  });
});
