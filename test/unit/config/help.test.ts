// --help is made from the tables: it names every setting, shows no secret as a flag, and fits a terminal.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cuirSections, fouetSections, panpanSections } from "../../../src/commands/sections.ts";
import { formatHelp } from "../../../src/config/help.ts";
import { flagOf } from "../../../src/config/names.ts";
import { type Settings, parseBoolean } from "../../../src/setting.ts";

const texts = {
  headline: "Says what it does in one sentence, which may be so long that it does not fit on one line of 80.",
  usage: ["tool [OPTION…]"],
  examples: [["tool --once", "does it once"]],
  notes: ["The end."],
} as const;
const flags = { once: { help: "do it `once`", short: "1" }, silence: { help: "be quiet", words: "PROGRAM" } };

const tools: Record<string, Readonly<Record<string, Settings>>> = {
  cuir: cuirSections,
  fouet: fouetSections,
  panpan: panpanSections,
};

for (const [tool, sections] of Object.entries(tools)) {
  describe(`the help of ${tool}`, () => {
    const help = formatHelp({ tool, sections, flags, ...texts }, { all: true });

    it("fits 80 columns", () => {
      assert.deepEqual(
        help.split("\n").filter((line) => line.length > 80),
        [],
      );
    });

    it("names every setting with its default", () => {
      const lines = help.replaceAll(/\s+/g, " ");
      for (const [key, setting] of Object.values(sections).flatMap((table) => Object.entries(table))) {
        const name = flagOf(key).slice(2);
        const flag = setting.parse === parseBoolean ? `--[no-]${name}` : `--${name}`;
        assert.ok(lines.includes(setting.secret ? `--${name}-file PATH` : ` ${flag} `), key);
        if (setting.secret) assert.doesNotMatch(lines, new RegExp(`--${name} `));
        else if (setting.default) assert.ok(lines.includes(`(default ${setting.default})`), key);
      }
    });

    it("puts the tool's own settings before those that all share", () => {
      const [first, second] = [...help.matchAll(/Settings of \[(\w+)\]/g)].map(([, name]) => name);
      assert.notEqual(first, "Moustash");
      assert.equal(second, "Moustash");
    });
  });
}

describe("--help", () => {
  it("leaves what all tools share to --help-all, and says so", () => {
    const help = formatHelp({ tool: "panpan", sections: panpanSections, flags, ...texts });
    assert.doesNotMatch(help, /Settings of \[Moustash\]/);
    assert.match(help, /--help-all lists them/);
  });

  it("lays out headline, usage, examples, options, settings and notes", () => {
    const help = formatHelp({ tool: "tool", sections: {}, flags, ...texts });
    assert.equal(
      help,
      `Says what it does in one sentence, which may be so long that it does not fit on
one line of 80.

Usage:
  tool [OPTION…]

Examples:
  tool --once
      does it once

Options:
  -1, --once                  do it once
      --silence PROGRAM       be quiet
  -h, --help                  show this
      --help-all              show also the settings that all three tools share
  -V, --version               show the version
  -c, --config FILE           the INI file; none for no file
      --check                 check the configuration and say what is wrong
      --print-config          show each value and where it comes from; secrets
                              are masked
      --doctor                try everything that delivery needs and say what is
                              in its way

The end.
`,
    );
  });
});
