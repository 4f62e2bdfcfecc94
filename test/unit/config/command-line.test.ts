// Options only: every setting is a flag, secrets are not, a bare word is a word, and all mistakes come at once.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { array, assert as check, constantFrom, oneof, property, string } from "fast-check";
import { type CommandFlags, parseCommandLine } from "../../../src/config/command-line.ts";
import { UsageError } from "../../../src/errors.ts";
import {
  optional,
  parseBoolean,
  parseDurationMs,
  parsePort,
  parseText,
  setting,
  several,
} from "../../../src/setting.ts";

const spec = {
  tool: "panpan",
  takesWords: true,
  sections: {
    Moustash: {
      redis_ip: setting(parseText, "localhost", "Where.", { aliases: ["redis_host"] }),
      redis_port: setting(parsePort, "6379", "Port."),
      redis_password: optional(parseText, "Password.", { secret: true }),
      redis_tls: setting(parseBoolean, "off", "TLS."),
    },
    Panpan: {
      interval: setting(parseDurationMs, "5s", "Interval."),
      rule: several(parseText, "Rules."),
    },
  },
  shorts: { interval: "i" },
  flags: {
    once: { help: "once", short: "1" },
    id: { help: "the id", value: "ID" },
    field: { help: "a field", value: "NAME=VALUE", multiple: true },
  },
} as const;

const parse = (...args: string[]) => parseCommandLine(spec, args);

function problemsOf(...args: string[]): string[] {
  try {
    parse(...args);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    assert.equal(error.exitCode, 64);
    return error.message.split("\n");
  }
  return [];
}

const flags = (...args: string[]) => parse(...args).flags.map(({ key, texts }) => [key, ...texts]);

describe("a command line", () => {
  it("gives options, settings and words", () => {
    const {
      options,
      flags: settings,
      words,
      rest,
    } = parse("disk full", "-1i", "3", "--redis-port=6380", "--field", "a=b", "--field=c=d", "backup");
    assert.equal(options.once, true);
    assert.equal(options.help, false);
    assert.equal(options.id, undefined);
    assert.deepEqual(options.field, ["a=b", "c=d"]);
    assert.deepEqual(settings, [
      { section: "Panpan", key: "interval", texts: ["3"], flag: "-i", isFile: false },
      { section: "Moustash", key: "redis_port", texts: ["6380"], flag: "--redis-port", isFile: false },
    ]);
    assert.deepEqual(words, ["disk full", "backup"]);
    assert.equal(rest, undefined);
  });

  it("has no subcommands: words are words, and -- only ends the options", () => {
    assert.deepEqual(parse("help", "run", "-").words, ["help", "run", "-"]);
    const { words, rest } = parse("a", "--once", "--", "--help", "-x");
    assert.deepEqual(words, ["a", "--help", "-x"]);
    assert.deepEqual(rest, ["--help", "-x"]);
  });

  it("switches settings on and off", () => {
    assert.deepEqual(flags("--redis-tls"), [["redis_tls", "on"]]);
    assert.deepEqual(flags("--redis-tls", "--once"), [["redis_tls", "on"]]);
    assert.deepEqual(flags("--redis-tls=no"), [["redis_tls", "no"]]);
    assert.deepEqual(flags("--no-redis-tls"), [["redis_tls", "off"]]);
    assert.deepEqual(problemsOf("--redis-tls=maybe"), ['--redis-tls: "maybe" is neither on nor off']);
    assert.deepEqual(parse("--redis-tls", "off").words, ["off"]);
  });

  it("takes several of what may be several, and other names", () => {
    assert.deepEqual(flags("--rule", "a\nb", "--rule", "c", "--redis-host", "h"), [
      ["rule", "a\nb", "c"],
      ["redis_ip", "h"],
    ]);
  });

  it("takes a secret's file and not the secret", () => {
    assert.deepEqual(parse("--redis-password-file", "/run/p").flags, [
      {
        section: "Moustash",
        key: "redis_password",
        texts: ["/run/p"],
        flag: "--redis-password-file",
        isFile: true,
      },
    ]);
    const [problem] = problemsOf("--redis-password", "hunter2");
    assert.match(problem!, /^--redis-password is not taken.*MOUSTASH_REDIS_PASSWORD_FILE/);
    assert.doesNotMatch(problem!, /hunter2/);
  });

  it("says all that is wrong with it at once", () => {
    assert.deepEqual(
      problemsOf(
        "--intervall",
        "3",
        "--redis-port",
        "70000",
        "--id",
        "--once=x",
        "-z",
        "--redis-ip=a",
        "--redis-host=b",
      ),
      [
        "--intervall is no option; did you mean --interval? (a text that begins with - goes after --)",
        '--redis-port: "70000" is no port: it must be a number from 1 to 65535',
        "--id needs a value (--id=--once=x where it begins with -)",
        "-z is no option (a text that begins with - goes after --)",
        "--redis-host and --redis-ip are the same setting: give it once",
      ],
    );
    assert.deepEqual(problemsOf("--once=x", "--once", "--once", "--id"), [
      "--once takes no value",
      "--once is given twice: give it once",
      "--id needs a value",
    ]);
  });

  it("takes an empty value for a mistake, except where it clears what stands elsewhere", () => {
    const empty = "needs a value, and this one is empty: leave it out where there is none";
    assert.deepEqual(problemsOf("--redis-ip", "", "--redis-password-file=", "--id=", "--config", ""), [
      `--redis-ip ${empty}`,
      `--redis-password-file ${empty}`,
      `--id ${empty}`,
      `--config ${empty}`,
    ]);
    assert.deepEqual(flags("--rule", ""), [["rule"]]);
    assert.deepEqual(flags("--rule", "", "--rule", "a", "--rule="), [["rule", "a"]]);
  });

  it("takes a value that begins with - after =", () => {
    assert.equal(parse("--id=-1").options.id, "-1");
    assert.equal(parse("--id", "-").options.id, "-");
    assert.deepEqual(problemsOf("-i", "-x"), ["-i needs a value (--interval=-x where it begins with -)"]);
  });

  it("has no words where the tool takes none", () => {
    const daemon = {
      ...spec,
      tool: "cuir",
      takesWords: false,
      flags: { once: { help: "" } } satisfies CommandFlags,
    };
    assert.throws(() => parseCommandLine(daemon, ["once"]), {
      message: 'cuir takes options only, "once" is none; did you mean --once?',
    });
    assert.throws(() => parseCommandLine(daemon, ["constructor"]), /"constructor" is none \(a switch/);
  });

  describe("with tasks", () => {
    const tasks = {
      ...spec,
      wordsSetting: "text",
      sections: { Panpan: { text: optional(parseText, "Said.") } },
      shorts: { text: "m" },
      flags: {
        run: { task: true, words: "-- COMMAND…", shownBy: ["check"], help: "" },
        flush: { task: true, help: "" },
        rejected: { needs: "flush", help: "" },
      },
    } as const;
    const problems = (...args: string[]) => {
      try {
        parseCommandLine(tasks, args);
      } catch (error) {
        return (error as Error).message.split("\n");
      }
      return [];
    };

    it("does one at a time", () => {
      assert.deepEqual(problems("--flush", "--run", "--", "true"), [
        "--flush and --run exclude each other: give one of them",
      ]);
      assert.deepEqual(problems("--check", "--doctor"), [
        "--check and --doctor exclude each other: give one of them",
      ]);
      assert.deepEqual(problems("--check", "--run", "--", "true"), []);
      assert.deepEqual(problems("--doctor", "--run", "--", "true"), [
        "--doctor and --run exclude each other: give one of them",
      ]);
    });

    it("leaves no word out", () => {
      assert.deepEqual(problems("--flush", "disk full"), [
        '--flush takes no words, and "disk full" would be left out: give one of the two',
      ]);
      assert.deepEqual(problems("--check", "-m", "disk full"), [
        "--check sends nothing, and -m would be left out: give one of the two",
      ]);
      assert.deepEqual(problems("--run", "-m", "backup", "--", "true"), []);
      assert.deepEqual(problems("--help", "--flush", "disk full"), []);
    });

    it("asks for what a flag goes with", () => {
      assert.deepEqual(problems("--rejected", "disk full"), ["--rejected needs --flush beside it"]);
      assert.deepEqual(problems("--flush", "--rejected"), []);
    });
  });

  it("gives words or says that it is wrong, whatever it is", () => {
    const word = oneof(
      string({ unit: "grapheme" }),
      constantFrom(
        "--",
        "-",
        "--redis-tls",
        "-1",
        "-i",
        "--field",
        "--__proto__",
        "--constructor=x",
        "--=",
        "-i=3",
        "--no-once",
      ),
    );
    check(
      property(array(word), (args) => {
        try {
          const { words, rest = [] } = parse(...args);
          assert.deepEqual(words.slice(words.length - rest.length), rest);
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }),
    );
  });
});
