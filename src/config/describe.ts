// The configuration as a person may see it, for --print-config: each value with its origin, in the INI dialect itself.
import { createHash } from "node:crypto";
import type { Setting } from "../setting.ts";
import type { Config } from "./config.ts";
import type { Sections } from "./names.ts";
import { mask } from "./validate.ts";

/** Any configuration, whatever its tables. */
type AnyConfig = Pick<
  Config<Sections, unknown>,
  "texts" | "targetEntries" | "groups" | "sections" | "path" | "targetSection" | "subsections"
>;

const originColumn = 44;

/** Every setting, secrets masked, then the targets. What it prints can be read again, but for the secrets. */
export function describeConfig(config: AnyConfig): string {
  const blocks = Object.entries(config.sections).map(([section, table]) => {
    const texts = new Map(
      config.texts.filter((text) => text.section === section).map((text) => [text.key, text]),
    );
    const lines = Object.entries(table).map(([key, setting]) => {
      const text = texts.get(key);
      if (text === undefined) return withOrigin(`# ${key} =`, "not given");
      // The targets of included files are printed themselves.
      const comment = isInclude(config, section, key) ? "# " : "";
      return withOrigin(`${comment}${key} = ${shown(setting, text.text)}`, text.origin);
    });
    if (section === config.targetSection)
      for (const { key, value, origin } of config.targetEntries)
        if (!isOption(config, key)) lines.push(withOrigin(`${key}: ${shownTarget(value)}`, origin));
    return [`[${section}]`, ...lines].join("\n");
  });
  const own = new Map(config.groups.map(({ program, texts }) => [program, texts]));
  for (const { key: program, value, origin: place } of config.targetEntries) {
    const texts = own.get(program);
    const isHere = isOption(config, program);
    if (texts === undefined && !isHere) continue;
    const lines = (texts ?? []).map(({ key, text, origin }) =>
      withOrigin(`${key} = ${shown(config.subsections?.[key], text)}`, origin),
    );
    if (isHere) lines.unshift(withOrigin(`target = ${shownTarget(value)}`, place));
    blocks.push([`[${config.targetSection}:${program}]`, ...lines].join("\n"));
  }
  return `# Read from ${config.path ?? "no file"}\n${blocks.join("\n\n")}\n`;
}

/** A target that is called like an option has its line in a section of its own: both in one would be the same key twice. */
function isOption({ sections, targetSection }: AnyConfig, program: string): boolean {
  const table = (targetSection === undefined ? undefined : sections[targetSection]) ?? {};
  return Object.hasOwn(table, program.toLowerCase());
}

const shownTarget = (value: string): string => quote(withoutCredentials(value));

function withOrigin(line: string, origin: string): string {
  return `${line.padEnd(originColumn)} ; ${origin}`;
}

function shown(setting: Setting | undefined, text: string): string {
  return setting?.secret ? mask : quote(withoutCredentials(text));
}

/** `https://user:password@host` shows no password, wherever somebody put one. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/(:\/\/)[^/\s]+@/g, `$1${mask}@`);
}

/** A value as the dialect reads it: in quotes where its ends, a comment or quotes of its own need them. */
export function quote(text: string): string {
  return text.split("\n").map(quoteLine).join("\n    ");
}

function quoteLine(text: string): string {
  if (text !== "" && !/^[\s#;"']|\s$|\s;/.test(text)) return text;
  const mark = /"[ \t]+;/.test(text) ? "'" : '"';
  return `${mark}${text}${mark}`;
}

/** Of each setting its name and text; not of include, whose targets are there themselves. */
function* named(config: AnyConfig): Generator<[name: string, text: string, secret: boolean]> {
  const { texts, targetEntries, groups, sections } = config;
  for (const { section, key, text } of texts)
    if (!isInclude(config, section, key))
      yield [`[${section}] ${key}`, text, sections[section]?.[key]?.secret === true];
  for (const { key, value } of targetEntries) yield [`target ${key}`, value, false];
  for (const { program, texts: own } of groups)
    for (const { key, text } of own)
      yield [`[${program}] ${key}`, text, config.subsections?.[key]?.secret === true];
}

function isInclude({ targetSection }: AnyConfig, section: string, key: string): boolean {
  return section === targetSection && key === "include";
}

/** The same for the same configuration, wherever it was read from; of secrets it knows only whether they are given. */
export function fingerprint(config: AnyConfig): string {
  const all = [...named(config)].map(([name, text, secret]) => [name, secret ? mask : text]);
  const sorted = all.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
}

/** The names of what differs, secrets included: `[Moustash] redis_ip`, `target SSH`. */
export function changesBetween(before: AnyConfig, after: AnyConfig): string[] {
  const texts = (config: AnyConfig) => new Map([...named(config)].map(([name, text]) => [name, text]));
  const [old, fresh] = [texts(before), texts(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((name) => old.get(name) !== fresh.get(name));
}
