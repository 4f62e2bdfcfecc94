// supervisord's own configuration as it lies on disk: sections, keys and where they stand. Only what --doctor judges.
// Source: supervisor 4.2.5, options.py (ServerOptions.read_include_config, UnhosedConfigParser) and Python's configparser.
import { MoustashError, exitCodes } from "../errors.ts";

export interface Entry {
  readonly value: string;
  /** `/etc/supervisor/conf.d/fouet.conf:12` */
  readonly at: string;
}

export interface ConfigSection {
  /** `eventlistener:fouet` */
  readonly name: string;
  readonly at: string;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Sections of one file, in order; a later section of the same name adds to the first, as configparser merges files. */
export function parseConfiguration(text: string, file: string): ConfigSection[] {
  const sections: { name: string; at: string; entries: Map<string, Entry> }[] = [];
  let last: { key: string; entries: Map<string, Entry> } | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const at = `${file}:${index + 1}`;
    if (/^\s*([;#]|$)/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    if (header !== undefined) {
      sections.push({ name: header, at, entries: new Map() });
      last = undefined;
      continue;
    }
    const value = line.replace(/\s[;#].*$/, "").trim();
    if (/^\s/.test(line) && last) {
      const before = last.entries.get(last.key)!;
      last.entries.set(last.key, { ...before, value: `${before.value}\n${value}` });
      continue;
    }
    const [, key, rest] = /^([^:=]+?)\s*[:=]\s*(.*)$/.exec(value) ?? [];
    const section = sections.at(-1);
    if (key === undefined || section === undefined) continue;
    last = { key: key.toLowerCase(), entries: section.entries };
    section.entries.set(last.key, { value: rest!, at });
  }
  return sections;
}

/** Reads the file and what its [include] names; throws where the file itself cannot be read. */
export async function readConfiguration(file: string): Promise<readonly ConfigSection[]> {
  const { glob, readFile } = await import("node:fs/promises");
  const { dirname, resolve } = await import("node:path");
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    const message = `${file}: supervisord's configuration cannot be read (${cause.message})`;
    throw new MoustashError("supervisord_configuration", exitCodes.configuration, message, { cause });
  });
  const sections = parseConfiguration(text, file);
  const patterns = sections.find(({ name }) => name === "include")?.entries.get("files")?.value ?? "";
  for (const pattern of patterns.split(/\s+/).filter((word) => word !== "")) {
    const found = [];
    const here = pattern.replaceAll("%(here)s", dirname(file));
    for await (const path of glob(resolve(dirname(file), here))) found.push(path);
    for (const path of found.toSorted()) {
      const more = await readFile(path, "utf8").catch(() => "");
      sections.push(...parseConfiguration(more, path));
    }
  }
  return sections;
}

/** Where supervisord looks, and where a running one was told to look. */
export async function findConfiguration(pid: number | undefined): Promise<string | undefined> {
  const { access, readdir, readFile, readlink } = await import("node:fs/promises");
  const { resolve } = await import("node:path");
  const running =
    pid === undefined ? (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)) : [pid];
  for (const candidate of running) {
    const command = await readFile(`/proc/${candidate}/cmdline`, "utf8").catch(() => "");
    const words = command.split("\0");
    if (!words.some((word) => /(^|\/)supervisord$/.test(word))) continue;
    const named = namedFile(words);
    if (named === undefined) continue;
    return resolve(await readlink(`/proc/${candidate}/cwd`).catch(() => "/"), named);
  }
  for (const path of [
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
    "/usr/local/etc/supervisord.conf",
  ]) {
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

function namedFile(words: readonly string[]): string | undefined {
  const joined = words.map((word) => /^(?:--configuration=|-c(?=.))(.+)$/.exec(word)?.[1]).find(Boolean);
  const flag = words.findIndex((word) => word === "-c" || word === "--configuration");
  return joined ?? (flag < 0 ? undefined : words[flag + 1]);
}
