// The command line of every tool: options only, no subcommands; each setting of its tables is also a flag.
// A switch never takes the next word (for PanPan a bare word is always a message): --no-redis-tls, --redis-tls=off.
import { type Setting, parseBoolean } from "../setting.ts";
import { type Sections, flagOf, variableOf } from "./names.ts";
import { reasonOf, show } from "./problem.ts";
import type { FlagText } from "./config.ts";
import { UsageError } from "../errors.ts";
import { parseArgs } from "node:util";
import { nearest } from "./nearest.ts";

/** A flag that is no setting: a switch, or one that takes a value. */
export interface CommandFlag {
  readonly help: string;
  readonly short?: string;
  /** What --help calls its value; without it the flag is a switch. */
  readonly value?: string;
  /** It may be given several times. */
  readonly multiple?: true;
  /** Words that the flag asks for beside it, for --help: `PROGRAM DURATION REASON`. The tool counts them. */
  readonly words?: string;
  /** It is done in place of the tool's own work: one such flag at a time, and words only where it asks for them. */
  readonly task?: true;
  /** Tasks that may stand beside it, and are done in its place: they show the configuration that it would have. */
  readonly shownBy?: readonly string[];
  /** The flag without which it means nothing. */
  readonly needs?: string;
}

export type CommandFlags = Readonly<Record<string, CommandFlag>>;

/** Flags that every tool has. */
export const commonFlags = {
  help: { short: "h", help: "show this" },
  "help-all": { help: "show also the settings that all three tools share" },
  version: { short: "V", help: "show the version" },
  config: { short: "c", value: "FILE", help: "the INI file; none for no file" },
  check: { task: true, help: "check the configuration and say what is wrong" },
  "print-config": { task: true, help: "show each value and where it comes from; secrets are masked" },
  doctor: { task: true, help: "try everything that delivery needs and say what is in its way" },
} as const satisfies CommandFlags;

export interface CommandSpec<F extends CommandFlags = CommandFlags> {
  /** cuir, fouet or panpan. */
  readonly tool: string;
  /** Settings that are flags; the tool's own section is put before [Moustash]. */
  readonly sections: Sections;
  /** The tool's own flags, beside those that all have. */
  readonly flags: F;
  /** Short forms of settings, by key: `{ interval: "i" }`. */
  readonly shorts?: Readonly<Record<string, string>>;
  /** Whether bare words mean something to the tool's own work; without it they are wrong usage there. */
  readonly takesWords?: boolean;
  /** The setting that says what bare words say. */
  readonly wordsSetting?: string;
}

export type FlagValues<F extends CommandFlags> = {
  readonly [K in keyof F]: F[K] extends { value: string }
    ? F[K] extends { multiple: true }
      ? readonly string[]
      : string | undefined
    : boolean;
};

export interface CommandLine<F extends CommandFlags> {
  readonly options: FlagValues<F & typeof commonFlags>;
  /** The name of the task that is asked for; without one it is the tool's own work. */
  readonly task?: string;
  /** For loadConfig. */
  readonly flags: readonly FlagText[];
  /** Bare words before `--`, and after it as well. */
  readonly words: readonly string[];
  /** What stands after `--`; undefined where there is none. */
  readonly rest?: readonly string[];
}

/** What a flag's name stands for. */
type Meaning =
  | { readonly kind: "command"; readonly name: string; readonly flag: CommandFlag }
  | {
      readonly kind: "setting" | "secret" | "file";
      readonly section: string;
      readonly key: string;
      readonly setting: Setting;
    };

/** Throws a UsageError with a line for each thing that is wrong. */
export function parseCommandLine<const F extends CommandFlags>(
  spec: CommandSpec<F>,
  args: readonly string[],
): CommandLine<F> {
  const meanings = meaningsOf(spec);
  const takesValue = (meaning: Meaning) =>
    meaning.kind === "command" ? meaning.flag.value !== undefined : !isSwitch(meaning);
  const named = new Set(args.map((arg) => /^--([^=]+)/.exec(arg)?.[1]));
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      [...meanings].flatMap(([name, meaning]) => {
        const short = shortOf(spec, name, meaning);
        // Of the many that there are, parseArgs takes its time for each.
        if (short === undefined && !named.has(name)) return [];
        return [[name, { type: takesValue(meaning) ? "string" : "boolean", ...(short && { short }) }]];
      }),
    ),
  });
  const problems: string[] = [];
  const given = new Map<string, { texts: string[]; flag: string; meaning: Meaning }>();
  const words: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") rest = args.slice(token.index + 1);
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const negated = token.name.startsWith("no-") && isSwitch(meanings.get(token.name.slice(3)));
    const name = negated ? token.name.slice(3) : token.name;
    const meaning = meanings.get(name);
    const problem =
      meaning === undefined ? unknown(token.rawName, meanings) : wrong(token.rawName, token, meaning);
    const identity = meaning?.kind === "command" ? name : `${meaning?.section}.${meaning?.key}`;
    const before = given.get(identity);
    if (problem !== undefined) problems.push(problem);
    else if (before !== undefined && !isMultiple(meaning!)) {
      const both =
        before.flag === token.rawName ? "is given twice" : `and ${before.flag} are the same setting`;
      problems.push(`${token.rawName} ${both}: give it once`);
    } else {
      const text = negated ? "off" : (token.value ?? "on");
      const texts = text === "" && isMultiple(meaning!) ? [] : [text];
      if (before) before.texts.push(...texts);
      else given.set(identity, { texts, flag: token.rawName, meaning: meaning! });
    }
  }
  problems.push(...judgeTasks(spec, [...given.values()], words));
  const [task] = tasksOf([...given.values()]);
  return {
    ...collect(spec, given, problems),
    words,
    ...(rest && { rest }),
    ...(task && { task: task.name }),
  };
}

function meaningsOf(spec: CommandSpec): Map<string, Meaning> {
  const meanings = new Map<string, Meaning>();
  // What is set last wins: the tool's own words before the settings that all share.
  for (const [section, table] of ordered(spec.sections).toReversed()) {
    for (const [key, setting] of Object.entries(table)) {
      for (const name of [key, ...(setting.aliases ?? [])].map((one) => flagOf(one).slice(2))) {
        meanings.set(name, { kind: setting.secret ? "secret" : "setting", section, key, setting });
        if (setting.secret) meanings.set(`${name}-file`, { kind: "file", section, key, setting });
      }
    }
  }
  for (const [name, flag] of Object.entries({ ...commonFlags, ...spec.flags }))
    meanings.set(name, { kind: "command", name, flag });
  return meanings;
}

/** The tool's own section first. */
export function ordered(sections: Sections): [string, Sections[string]][] {
  return Object.entries(sections).toSorted(([a], [b]) => Number(a === "Moustash") - Number(b === "Moustash"));
}

function shortOf(spec: CommandSpec, name: string, meaning: Meaning): string | undefined {
  if (meaning.kind === "command") return meaning.flag.short;
  const short = spec.shorts?.[meaning.key];
  return short !== undefined && flagOf(meaning.key) === `--${name}` ? short : undefined;
}

const isSwitch = (meaning: Meaning | undefined): boolean =>
  meaning?.kind === "setting" && meaning.setting.parse === parseBoolean;

/** Whether nothing is something that it can be told: an empty list in the place of what stands elsewhere. */
const isClearable = (meaning: Meaning): boolean =>
  meaning.kind === "setting" && meaning.setting.default === "";

const isMultiple = (meaning: Meaning): boolean =>
  meaning.kind === "command" ? meaning.flag.multiple === true : meaning.setting.parseItem !== undefined;

function unknown(flag: string, meanings: ReadonlyMap<string, Meaning>): string {
  const known = [...meanings].filter(([, { kind }]) => kind !== "secret").map(([name]) => name);
  const near = flag.startsWith("--") ? nearest(flag.slice(2), known) : undefined;
  const hint =
    near === undefined
      ? ""
      : near.isAlike
        ? `; did you mean --${near.name}?`
        : `; the nearest is --${near.name}`;
  return `${show(flag)} is no option${hint} (a text that begins with - goes after --)`;
}

function wrong(
  flag: string,
  { name, value, inlineValue }: { name: string; value: string | undefined; inlineValue: boolean | undefined },
  meaning: Meaning,
): string | undefined {
  if (meaning.kind === "secret") {
    const variable = variableOf(meaning.section, meaning.key);
    return `${flag} is not taken, for everybody could read it in the list of processes: set ${variable}, ${variable}_FILE, or ${flag}-file PATH`;
  }
  if (meaning.kind === "command" && meaning.flag.value === undefined)
    return value === undefined ? undefined : `${flag} takes no value`;
  if (value === undefined) return isSwitch(meaning) ? undefined : `${flag} needs a value`;
  if (value === "")
    return isClearable(meaning)
      ? undefined
      : `${flag} needs a value, and this one is empty: leave it out where there is none`;
  if (!inlineValue && /^-./.test(value))
    return `${flag} needs a value (--${name}=${show(value)} where it begins with -)`;
  if (meaning.kind !== "setting") return undefined;
  try {
    (meaning.setting.parseItem ?? meaning.setting.parse)(value);
  } catch (error) {
    return `${flag}: ${reasonOf(error)}`;
  }
  return undefined;
}

/** What of the flags and words does not go together, so that nothing that somebody said is left undone in silence. */
function* judgeTasks(
  spec: CommandSpec,
  given: readonly { readonly flag: string; readonly meaning: Meaning }[],
  words: readonly string[],
): Generator<string> {
  const flags = given.flatMap(({ meaning }) => (meaning.kind === "command" ? [meaning] : []));
  const isGiven = (name: string) => flags.some((one) => one.name === name);
  // Who asks for help says nothing else.
  if (isGiven("help") || isGiven("help-all") || isGiven("version")) return;
  for (const { name, flag } of flags)
    if (flag.needs !== undefined && !isGiven(flag.needs)) yield `--${name} needs --${flag.needs} beside it`;
  const [first, second] = tasksOf(given);
  if (second !== undefined) {
    yield `--${first!.name} and --${second.name} exclude each other: give one of them`;
    return;
  }
  if (flags.some(({ flag }) => flag.task && flag.words !== undefined)) return;
  const message = given.find(({ meaning }) => "key" in meaning && meaning.key === spec.wordsSetting);
  const [word] = words;
  if (first === undefined) {
    if (!spec.takesWords && word !== undefined) yield strayWord(spec, word);
  } else if (word !== undefined) {
    yield `--${first.name} takes no words, and "${show(word)}" would be left out: give one of the two`;
  } else if (message !== undefined) {
    yield `--${first.name} sends nothing, and ${message.flag} would be left out: give one of the two`;
  }
}

/** Of the tasks that are given those that would be done: one, or they exclude each other. */
function tasksOf(given: readonly { readonly meaning: Meaning }[]): Extract<Meaning, { kind: "command" }>[] {
  const tasks = given.flatMap(({ meaning }) =>
    meaning.kind === "command" && meaning.flag.task ? [meaning] : [],
  );
  return tasks.filter(({ flag }) => !tasks.some(({ name }) => flag.shownBy?.includes(name)));
}

function strayWord({ tool, flags }: CommandSpec, word: string): string {
  const hint = Object.hasOwn({ ...commonFlags, ...flags }, word) ? `; did you mean --${word}?` : "";
  return `${tool} takes options only, "${show(word)}" is none${hint || " (a switch is turned off by --no-NAME or --NAME=off)"}`;
}

function collect<F extends CommandFlags>(
  spec: CommandSpec<F>,
  given: ReadonlyMap<string, { texts: string[]; flag: string; meaning: Meaning }>,
  problems: readonly string[],
): { options: FlagValues<F & typeof commonFlags>; flags: FlagText[] } {
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  const options = Object.entries<CommandFlag>({ ...commonFlags, ...spec.flags }).map(([name, flag]) => {
    const texts = given.get(name)?.texts;
    if (flag.value === undefined) return [name, texts !== undefined];
    return [name, flag.multiple ? (texts ?? []) : texts?.[0]];
  });
  const flags = [...given.values()].flatMap(({ texts, flag, meaning }) =>
    meaning.kind === "command" || meaning.kind === "secret"
      ? []
      : [{ section: meaning.section, key: meaning.key, texts, flag, isFile: meaning.kind === "file" }],
  );
  return { options: Object.fromEntries(options) as FlagValues<F & typeof commonFlags>, flags };
}
