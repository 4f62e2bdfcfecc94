// The text of --help, from the tables that the command line itself is read with, in 80 columns.
import { type CommandFlag, type CommandSpec, commonFlags, ordered } from "./command-line.ts";
import { type Setting, parseBoolean, parsePort } from "../setting.ts";
import { flagOf, variableOf } from "./names.ts";

/** What the tables do not say. */
export interface HelpTexts {
  /** One sentence. */
  readonly headline: string;
  /** One line each: `panpan [OPTION…] MESSAGE`. */
  readonly usage: readonly string[];
  /** A command and what it does. */
  readonly examples?: readonly (readonly [command: string, meaning: string])[];
  /** Paragraphs at the end. */
  readonly notes?: readonly string[];
}

const width = 80;
const column = 30;
const shared = "Moustash";
const sharedHint =
  "Where events go is set by [Moustash]: --transport, --redis-ip, --redis-port, --rabbitmq-host, --spool, --host and many more, each also a variable (MOUSTASH_REDIS_IP). --help-all lists them.";

/** `all`: also the settings that every tool shares, which are many; without it, a line says where they are. */
export function formatHelp(tool: CommandSpec & HelpTexts, { all = false } = {}): string {
  const shown = ordered(tool.sections).filter(([name]) => all || name !== shared);
  const parts = [
    wrap(tool.headline, 0),
    `Usage:\n${tool.usage.map((line) => `  ${line}`).join("\n")}`,
    ...section("Examples:", (tool.examples ?? []).map(example)),
    ...section("Options:", Object.entries<CommandFlag>({ ...tool.flags, ...commonFlags }).map(command)),
    ...shown.flatMap(([name, table]) =>
      section(
        `Settings of [${name}], each also a variable (${variableOf(name, "…")}, ${variableOf(name, "…_FILE")}):`,
        Object.entries(table).map(([key, setting]) => settingLine(tool, name, key, setting)),
      ),
    ),
    ...(shared in tool.sections && !all ? [wrap(sharedHint, 0)] : []),
    ...(tool.notes ?? []).map((note) => wrap(note, 0)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[wrap(title, 0), ...lines].join("\n")];
}

const example = ([line, meaning]: readonly [string, string]): string => `  ${line}\n${wrap(meaning, 6)}`;

function command([name, { short, value, words, help }]: [string, CommandFlag]): string {
  const words_ = value ?? words;
  return row(short, `--${name}${words_ === undefined ? "" : ` ${words_}`}`, help);
}

function settingLine({ shorts = {} }: CommandSpec, section_: string, key: string, setting: Setting): string {
  const flag = flagOf(key);
  const usual = setting.default ? ` (default ${setting.default})` : "";
  if (setting.secret)
    return row(undefined, `${flag}-file PATH`, `${setting.help} Or ${variableOf(section_, key)}.`);
  const name = setting.parse === parseBoolean ? `--[no-]${flag.slice(2)}` : `${flag} ${placeholder(setting)}`;
  return row(shorts[key], name, `${setting.help}${usual}`);
}

/** What a value is, as far as its parser and default tell. */
function placeholder({ parse, default: text = "" }: Setting): string {
  if (parse === parsePort) return "PORT";
  if (/^\d+(ms|s|m|h|d)$/.test(text)) return "TIME";
  if (/^\d+[kmgt]i?b$/i.test(text)) return "SIZE";
  return /^\d+$/.test(text) ? "N" : "TEXT";
}

/** `  -i, --interval TIME   Time between …`; a long flag stands on a line of its own. */
function row(short: string | undefined, flag: string, help: string): string {
  const left = `  ${short === undefined ? "    " : `-${short}, `}${flag}`;
  const right = wrap(help.replaceAll("`", ""), column);
  return left.length < column - 1 ? left + right.slice(left.length) : `${left}\n${right}`;
}

function wrap(text: string, indent: number): string {
  const margin = " ".repeat(indent);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(margin + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, margin + line].join("\n");
}
