// Lists of targets beside the INI file: the files that it includes, CUIR_PROBES and CUIR_PROBES_FILE.
import { dirname, resolve } from "node:path";
import { optional, parseText, parseUnlessNone } from "../setting.ts";
import type { Environment } from "./environment.ts";
import { type IniFile, type IniOptions, parseIni } from "./ini.ts";
import { variableOf } from "./names.ts";
import { reasonOf, show } from "./problem.ts";
import { sameName } from "./targets.ts";
import type { Findings, Text } from "./text.ts";

/** The one option of a section with targets that is read here. */
export const includeSettings = {
  include: optional(
    parseUnlessNone(parseText),
    "Files of further targets, such as `targets.d/*.ini` (seen from the INI file), in the order of their names; or `none`.",
  ),
};

/** Targets of included files (`include = targets.d/*.ini`), in the order of their paths, relative to the INI file. */
export async function readIncluded(
  include: Text | undefined,
  section: string,
  iniPath: string | undefined,
  findings: Findings,
): Promise<IniFile[]> {
  if (include === undefined || includeSettings.include.parse(include.text) === undefined) return [];
  const isInFile = iniPath !== undefined && include.origin.startsWith(`${iniPath}:`);
  const folder = resolve(isInFile ? dirname(iniPath) : ".");
  const paths = findings.files.find(include.text, folder);
  if (paths.length === 0)
    findings.warnings.push(`${include.origin}: no file in ${folder} matches ${include.text}`);
  return Promise.all(
    paths.map(async (path) => {
      const file = await readList(path, include.origin, { section }, findings);
      const foreign = file.sections.filter((header) => !sameName(header.section, section));
      for (const { origin, section: name } of foreign) {
        const message = `[${show(name)}] may not stand in an included file, only [${section}] and [${section}:Program]`;
        findings.problems.push({ origin, message });
      }
      return { ...file, entries: file.entries.filter((entry) => sameName(entry.section, section)) };
    }),
  );
}

/** `CUIR_PROBES` holds target lines, `CUIR_PROBES_FILE` the path of a list. */
export async function readProbes(env: Environment, section: string, findings: Findings): Promise<IniFile[]> {
  const { problems } = findings;
  const [name, fileName] = probesVariables(section) as [string, string];
  const { [name]: text = "", [fileName]: path = "" } = env;
  if (text === "" && path === "") return [];
  if (text !== "" && path !== "") {
    const message = `${name} and ${fileName} are the same setting: give only one`;
    problems.push({ origin: fileName, message });
    return [];
  }
  const options = { section, continuation: false };
  const originOf = (line: number) => `${name} line ${line}`;
  const file =
    text === ""
      ? await readList(path, fileName, options, findings)
      : await parseList(text, name, { ...options, originOf }, findings);
  for (const { origin } of file.sections)
    problems.push({ origin, message: "a list of targets has no sections: these belong into the INI file" });
  return file.sections.length === 0 ? [file] : [];
}

/** The variables that are targets and no settings. */
export function probesVariables(section: string | undefined): string[] {
  return section === undefined ? [] : [variableOf(section, "probes"), variableOf(section, "probes_file")];
}

async function readList(
  path: string,
  origin: string,
  options: IniOptions,
  findings: Findings,
): Promise<IniFile> {
  try {
    return await parseList(findings.files.read(path), path, options, findings);
  } catch (error) {
    findings.problems.push({ origin, message: reasonOf(error) });
    return { entries: [], sections: [], problems: [] };
  }
}

async function parseList(
  text: string,
  file: string,
  options: IniOptions,
  { problems }: Findings,
): Promise<IniFile> {
  const list = await parseIni(text, file, options);
  problems.push(...list.problems);
  return list;
}
