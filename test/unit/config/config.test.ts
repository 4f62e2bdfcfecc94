// Precedence, the two spellings of everything, and problems that come all at once.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { array, assert as check, asyncProperty, constantFrom, oneof, string } from "fast-check";
import { type ConfigOptions, loadConfig, readConfig } from "../../../src/config/config.ts";
import type { Entry } from "../../../src/config/ini.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { sharedSettings } from "../../../src/config/settings.ts";
import {
  optional,
  parseBoolean,
  parseChoice,
  parseDurationMs,
  parsePort,
  parseText,
  parseUnlessNone,
  setting,
  several,
} from "../../../src/setting.ts";

const sections = {
  Moustash: {
    ...sharedSettings,
    transport: setting(parseChoice("redis", "rabbitmq", "stdout"), "redis", "Which broker."),
    redis_ip: setting(parseText, "localhost", "Where Redis is.", { aliases: ["redis_host"] }),
    redis_port: setting(parsePort, "6379", "Its port."),
    redis_password: optional(parseText, "Its password.", { secret: true }),
    redis_url: optional((text) => new URL(text), "All in one.", { secret: true }),
    redis_tls: setting(parseBoolean, "off", "Whether to encrypt."),
  },
  Cuir: {
    interval: setting(parseDurationMs, "5s", "Between two probes."),
    http: setting(parseUnlessNone(parseText), "127.0.0.1:9797", "Where it can be watched."),
    include: optional(parseText, "More targets."),
    rules: several(parseText, "Several."),
  },
};

const targetPattern = /^(\[[^\]]+\]|[^\s:]+):(\d+):(.+)$/;

const targets = {
  section: "Cuir",
  isTarget: (value: string) => targetPattern.test(value),
  parseLine({ key, value }: Entry) {
    const [, host, port, informations] = targetPattern.exec(value) ?? [];
    if (port === undefined) throw new Error(`write ip:port:informations`);
    return { program: key, host, port: parsePort(port), informations };
  },
  subsections: {
    fall: optional(Number, "Failures."),
    severity: optional(parseText, "How bad."),
  },
};

const folder = mkdtempSync(join(tmpdir(), "moustash-config-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function write(text: string | Buffer, name = `${(count += 1)}.ini`): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

type Options = Partial<ConfigOptions<typeof sections>>;

const load = ({ env = {}, path = "none", ...more }: Options) =>
  loadConfig({ sections, targets, env, path, ...more });

async function problemsOf(options: Options): Promise<string[]> {
  const error: unknown = await load(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, "problems are expected");
  assert.equal(error.exitCode, 78);
  return error.message.replaceAll(`${folder}/`, "").split("\n");
}

describe("precedence", () => {
  const port = async (options: Options) => {
    const { values, texts } = await load(options);
    const origin = texts.find(({ key }) => key === "redis_port")!.origin.replaceAll(`${folder}/`, "");
    return [values.Moustash.redis_port, origin];
  };
  const path = write("[moustash]\nREDIS_PORT = 4", "precedence.ini");
  const secret = write("3\n", "port");
  const flags = [{ section: "Moustash", key: "redis_port", texts: ["1"], flag: "--redis-port" }];

  it("is flag, environment, environment _FILE, INI, default", async () => {
    const env = { MOUSTASH_REDIS_PORT: "2" };
    const file = { MOUSTASH_REDIS_PORT_FILE: secret };
    assert.deepEqual(await port({ path, flags, env }), [1, "--redis-port"]);
    assert.deepEqual(await port({ path, env }), [2, "MOUSTASH_REDIS_PORT"]);
    assert.deepEqual(await port({ path, env: file }), [3, "MOUSTASH_REDIS_PORT_FILE (port)"]);
    assert.deepEqual(await port({ path, env: { MOUSTASH_REDIS_PORT: "" } }), [4, "precedence.ini:2"]);
    assert.deepEqual(await port({}), [6379, "default"]);
  });

  it("finds the file by --config, then MOUSTASH_CONFIG", async () => {
    assert.equal((await load({ path, env: { MOUSTASH_CONFIG: "/nowhere" } })).values.Moustash.redis_port, 4);
    const config = await loadConfig({ sections, targets, env: { MOUSTASH_CONFIG: path } });
    assert.equal(config.values.Moustash.redis_port, 4);
    assert.deepEqual(config.files.paths, [path]);
  });

  it("gives undefined for none and for what has no default", async () => {
    const { values } = await load({ env: { CUIR_HTTP: "none" } });
    assert.equal(values.Cuir.http, undefined);
    assert.equal(values.Moustash.redis_password, undefined);
    assert.equal(values.Cuir.interval, 5000);
  });

  it("takes several flags, and several lines", async () => {
    const several = [{ section: "Cuir", key: "rules", texts: ["a\nb", "c"], flag: "--rules" }];
    assert.deepEqual((await load({ flags: several })).values.Cuir.rules, ["a\nb", "c"]);
    assert.deepEqual((await load({ path: write("[Cuir]\nrules: a\n  b") })).values.Cuir.rules, ["a", "b"]);
  });
});

describe("files of values", () => {
  it("lose one trailing newline, and only that", async () => {
    const path = write(" p#w;d\n\n", "password");
    const { values, files } = await load({ env: { MOUSTASH_REDIS_PASSWORD_FILE: path } });
    assert.equal(values.Moustash.redis_password, " p#w;d\n");
    assert.deepEqual(files.paths, [path]);
    const ini = await load({ path: write(`[Moustash]\nredis_password_file: ${write("x\r\n", "crlf")}`) });
    assert.equal(ini.values.Moustash.redis_password, "x");
  });

  it("are problems where they cannot be read, and with the value beside them", async () => {
    const env = {
      MOUSTASH_REDIS_PASSWORD: "a",
      MOUSTASH_REDIS_PASSWORD_FILE: "b",
      MOUSTASH_REDIS_IP_FILE: "/nowhere",
      MOUSTASH_REDIS_PORT_FILE: folder,
    };
    assert.deepEqual(await problemsOf({ env }), [
      "MOUSTASH_REDIS_PASSWORD_FILE: MOUSTASH_REDIS_PASSWORD_FILE and MOUSTASH_REDIS_PASSWORD are the same setting: give only one",
      "MOUSTASH_REDIS_IP_FILE: /nowhere does not exist",
      `MOUSTASH_REDIS_PORT_FILE: ${folder} is a directory, a file is needed`,
    ]);
  });

  it("count as not given where they are empty, with a warning", async () => {
    const { values, warnings } = await load({ env: { MOUSTASH_REDIS_IP_FILE: write("\n", "empty") } });
    assert.equal(values.Moustash.redis_ip, "localhost");
    assert.match(warnings.join("\n"), /empty is empty, so redis_ip is taken as not given/);
  });
});

describe("problems", () => {
  it("name file, line, key and the nearest known key, all at once", async () => {
    const path = write(
      `[Moustash]
redis_prot: 1
redis_port: 70000
redis_ip: a
redis_host: b
interval: 5
transport: kafka
[Cuir]
Intervall: 5
SSH: 127.0.0.1:22:ssh
ssh: 1
FTP: 127.0.0.1:x
  HULK: 127.0.0.1:21:hulk
 interval: 3
htpp: [::]:1
[Cuir:SHS]
fall: 2
[Cuir:SSH]
fal: 2
[Fouet:x]
[Quir]
[Fouet]
whatever: 1
`,
      "bad.ini",
    );
    assert.deepEqual(
      await problemsOf({ path, env: { CUIR_INTERVAL: "soon", MOUSTASH_REDIS_TLS: "maybe" } }),
      [
        'bad.ini:2: [Moustash] has no option "redis_prot"; did you mean redis_port?',
        'bad.ini:3: redis_port: "70000" is no port: it must be a number from 1 to 65535',
        "bad.ini:5: redis_host and redis_ip (bad.ini:4) are the same setting: give only one",
        'bad.ini:6: [Moustash] has no option "interval": it belongs to [Cuir]',
        'bad.ini:7: transport: "kafka" is unknown: it must be redis, rabbitmq, stdout',
        'bad.ini:9: "Intervall" is neither an option of [Cuir] nor a target (Program: ip:port:informations); did you mean interval?',
        'bad.ini:11: "ssh" is already in [Cuir], at bad.ini:10: remove one',
        "bad.ini:12: FTP: write ip:port:informations",
        'bad.ini:13: "HULK" begins with white space, so it would continue "FTP" above it: remove the white space',
        'bad.ini:14: "interval" begins with white space, so it would continue "FTP" above it: remove the white space',
        "bad.ini:15: htpp: write ip:port:informations; or did you mean the option http?",
        "bad.ini:17: [Cuir:SHS] belongs to no target; did you mean SSH?",
        'bad.ini:19: [Cuir:SSH] has no option "fal"; did you mean fall?',
        "bad.ini:21: [Quir] is no section of ours; did you mean [Cuir]?",
        'MOUSTASH_REDIS_TLS: redis_tls: "maybe" is neither on nor off',
        'CUIR_INTERVAL: interval: "soon" is no duration: write 5, 5s, 500ms, 2m or 1h',
      ],
    );
  });

  it("never show a secret", async () => {
    const path = write("[Moustash]\nredis_url: not/a:secret@url\nlabels: x");
    const lines = await problemsOf({ path });
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join("\n"), /secret@/);
  });

  it("name the owner of a file that may not be read, who we are, and the remedy", async () => {
    const path = write("[Cuir]", "closed.ini");
    chmodSync(path, 0);
    const root = process.geteuid!() === 0;
    if (root) {
      chmodSync(folder, 0o755);
      process.seteuid!(65_532);
    }
    const us = process.geteuid!();
    const [problem] = await problemsOf({ path }).finally(() => root && process.seteuid!(0));
    assert.match(
      problem!,
      /^--config: closed\.ini may not be read: it belongs to uid \d+, gid \d+, mode 0000, and/,
    );
    assert.match(problem!, new RegExp(`we are uid ${us},`));
    assert.match(problem!, new RegExp(`: chgrp ${process.getegid!()} and chmod 0440 that file `));
  });

  it("name a file that is missing, no text or not UTF-8", async () => {
    assert.deepEqual(await problemsOf({ path: "/nowhere.ini" }), ["--config: /nowhere.ini does not exist"]);
    const latin = write(Buffer.from("[Cuir]\nA: 1.1.1.1:1:caf\xe9\n", "latin1"), "latin.ini");
    assert.match((await problemsOf({ path: latin }))[0]!, /latin\.ini is not UTF-8 at line 2/);
    const wide = write(Buffer.from("\uFEFF[Cuir]\n", "utf16le"), "wide.ini");
    assert.match((await problemsOf({ path: wide }))[0]!, /wide\.ini is no text file/);
  });

  it("are all that can come of a file", async () => {
    const line = oneof(
      string({ unit: "grapheme" }),
      constantFrom(
        "[Moustash]",
        "[Cuir]",
        "[Cuir:A]",
        "A: 1.1.1.1:1:a",
        " x",
        "fall: 1",
        "redis_ip_file: /",
        "__proto__: 1",
      ),
    );
    await check(
      asyncProperty(array(line), async (lines) => {
        const error: unknown = await load({ path: write(lines.join("\n"), "any.ini") }).catch(
          (reason) => reason,
        );
        assert.ok(!(error instanceof Error) || error instanceof ConfigError, String(error));
      }),
    );
  });

  it("of ten thousand lines come all at once", async () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => `p${at}: 10.0.0.1:99999:x`);
    const problems = await problemsOf({ path: write(`[Cuir]\n${lines.join("\n")}`, "many.ini") });
    assert.equal(problems.length, 10_000);
    assert.match(problems[9999]!, /^many\.ini:10001: p9999: "99999" is no port/);
  });
});

describe("the environment", () => {
  it("warns of unknown variables with the nearest name, and leaves others' alone", async () => {
    const { warnings } = await load({
      env: {
        MOUSTASH_REDIS_PROT: "1",
        CUIR_INTERVALL: "2",
        MOUSTASH_STASHED_PATH: "x",
        FOUET_X: "1",
        MOUSTASH_X: "",
      },
    });
    assert.deepEqual(warnings, [
      "CUIR_INTERVALL is no variable of ours; did you mean CUIR_INTERVAL?",
      "MOUSTASH_REDIS_PROT is no variable of ours; did you mean MOUSTASH_REDIS_PORT?",
    ]);
  });

  it("ignores what Kubernetes injects for a Service, and says so once", async () => {
    const { warnings, values } = await load({
      env: {
        MOUSTASH_REDIS_PORT: "tcp://10.0.0.1:6379",
        MOUSTASH_REDIS_SERVICE_HOST: "10.0.0.1",
        MOUSTASH_REDIS_SERVICE_PORT: "6379",
        MOUSTASH_REDIS_SERVICE_PORT_REDIS: "6379",
        MOUSTASH_REDIS_PORT_6379_TCP: "tcp://10.0.0.1:6379",
        MOUSTASH_REDIS_PORT_6379_TCP_ADDR: "10.0.0.1",
        CUIR_PORT: "tcp://10.0.0.2:9797",
      },
    });
    assert.equal(values.Moustash.redis_port, 6379);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^CUIR_PORT and 6 more ignored/);
  });

  it("takes a setting's other names, one of them at a time", async () => {
    assert.equal((await load({ env: { MOUSTASH_REDIS_HOST: "h" } })).values.Moustash.redis_ip, "h");
    const env = { MOUSTASH_REDIS_HOST: "h", MOUSTASH_REDIS_IP: "i" };
    assert.deepEqual(await problemsOf({ env }), [
      "MOUSTASH_REDIS_IP: MOUSTASH_REDIS_IP and MOUSTASH_REDIS_HOST are the same setting: give only one",
    ]);
  });
});

describe("a broken configuration", () => {
  it("is read as far as it can be", async () => {
    const path = write(
      "[Moustash]\nredis_prot: 1\nredis_ip: h\n[Cuir]\ninterval: soon\nhttp: none\n",
      "broken.ini",
    );
    const env = { MOUSTASH_REDIS_PORT: "x", MOUSTASH_REDIS_PASSWORD_FILE: "/nowhere" };
    const { config, problems } = await readConfig({ sections, targets, env, path });
    const { Moustash, Cuir } = config.values;
    assert.deepEqual(
      [Moustash.redis_ip, Moustash.redis_port, Moustash.redis_password],
      ["h", 6379, undefined],
    );
    assert.deepEqual([Cuir.interval, Cuir.http], [5000, undefined]);
    assert.deepEqual(
      new Set(problems.map(({ setting: of }) => of?.key)),
      new Set(["redis_password", undefined, "interval", "redis_port"]),
    );
  });
});

describe("targets", () => {
  it("are lines whose value reads as one, whatever their name", async () => {
    const path = write("[Cuir]\ninterval: 10.0.0.1:80:clock\nInclude = 10.0.0.1:81:x\n interval\n");
    const config = await load({ path });
    assert.equal(config.values.Cuir.interval, 5000);
    assert.deepEqual(config.targets, [
      { program: "interval", host: "10.0.0.1", port: 80, informations: "clock" },
      { program: "Include", host: "10.0.0.1", port: 81, informations: "x interval" },
    ]);
  });

  it("are added by CUIR_PROBES, in its own lines", async () => {
    const path = write("[Cuir]\nSSH: 10.0.0.1:22:ssh\n");
    const env = { CUIR_PROBES: "\n  # more\n  Web: 10.0.0.1:80:a:b ; c\n\n" };
    const { targets: all, targetEntries, warnings } = await load({ path, env });
    assert.deepEqual(
      all.map(({ program, informations }) => [program, informations]),
      [
        ["SSH", "ssh"],
        ["Web", "a:b"],
      ],
    );
    assert.equal(targetEntries[1]!.origin, "CUIR_PROBES line 3");
    assert.deepEqual(warnings, []);
    const bad = { CUIR_PROBES: "ssh: 10.0.0.1:22:again\ninterval: 3\nnonsense" };
    assert.deepEqual(
      await problemsOf({ path: write("[Cuir]\nSSH: 10.0.0.1:22:ssh\n", "own.ini"), env: bad }),
      [
        'CUIR_PROBES line 1: "ssh" is already a target, at own.ini:2',
        "CUIR_PROBES line 2: interval: write ip:port:informations",
        'CUIR_PROBES line 3: "nonsense" has no ":" and no "=": write key: value',
      ],
    );
  });

  it("are added by CUIR_PROBES_FILE, but not by both", async () => {
    const list = write("SSH: 10.0.0.1:22:ssh\n", "list");
    assert.equal((await load({ env: { CUIR_PROBES_FILE: list } })).targets.length, 1);
    assert.deepEqual(await problemsOf({ env: { CUIR_PROBES_FILE: list, CUIR_PROBES: "A: 1.1.1.1:1:a" } }), [
      "CUIR_PROBES_FILE: CUIR_PROBES and CUIR_PROBES_FILE are the same setting: give only one",
    ]);
  });

  it("are added by included files, in the order of their names", async () => {
    write("B: 10.0.0.1:2:b\n[Cuir:A]\nfall: 9", "part-2.inc");
    write("[Cuir]\nA: 10.0.0.1:1:a\n", "part-1.inc");
    const config = await load({ path: write("[Cuir]\ninclude: part-*.inc") });
    assert.deepEqual(
      config.targets.map(({ program }) => program),
      ["A", "B"],
    );
    assert.deepEqual(config.groups[0]?.values, { fall: 9 });
    assert.equal(config.files.paths.length, 3);
    const { warnings } = await load({ path: write("[Cuir]\ninclude: none-*.inc") });
    assert.match(warnings.join("\n"), /no file in .* matches none-\*\.inc/);
  });

  it("stand alone in included files and lists", async () => {
    const included =
      "[Moustash]\nx: 1\n[Cuir]\nA: 1.1.1.1:1:a\n  B: 1.1.1.1:2:b\ninterval: 3\n[Cuir:A]\nfal: 1";
    write(included, "other.inc");
    const path = write("[Cuir]\ninclude: other.inc", "main.ini");
    assert.deepEqual(await problemsOf({ path, env: { CUIR_PROBES: "A: 1.1.1.1:1:a\n[Cuir:A]\nfall: 3" } }), [
      "other.inc:1: [Moustash] may not stand in an included file, only [Cuir] and [Cuir:Program]",
      'other.inc:5: "B" begins with white space, so it would continue "A" above it: remove the white space',
      "other.inc:6: interval: write ip:port:informations",
      'other.inc:8: [Cuir:A] has no option "fal"; did you mean fall?',
      "CUIR_PROBES line 2: a list of targets has no sections: these belong into the INI file",
    ]);
  });

  it("are included from a folder whose name means something to patterns", async () => {
    const odd = join(folder, "a[1]*");
    mkdirSync(odd);
    writeFileSync(join(odd, "x.inc"), "A: 1.1.1.1:1:a");
    writeFileSync(join(odd, "main.ini"), "[Cuir]\ninclude: *.inc");
    assert.equal((await load({ path: join(odd, "main.ini") })).targets.length, 1);
  });

  it("are included by a variable, too, seen from the working directory", async () => {
    write("C: 10.0.0.1:2:c", "from-variable.inc");
    const { targets: all } = await load({ env: { CUIR_INCLUDE: join(folder, "from-v*.inc") } });
    assert.equal(all.length, 1);
  });

  it("get options of their own from [Cuir:Program]", async () => {
    const path = write("[Cuir]\ndb.example.com: 10.0.0.1:22:ssh\n[cuir:DB.example.com]\nSeverity: high");
    const { groups } = await load({ path });
    assert.deepEqual(
      groups.map(({ program, values }) => [program, values]),
      [["db.example.com", { severity: "high" }]],
    );
  });
});
