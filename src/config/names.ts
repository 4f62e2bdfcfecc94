// The names under which each setting of a table may be given: its key, its aliases, and each with _file. Pure.
import type { Setting, Settings } from "../setting.ts";

/** Tables by section: `{ Moustash: moustashSettings, Cuir: cuirSettings }`. */
export type Sections = Readonly<Record<string, Settings>>;

export interface Known {
  readonly section: string;
  readonly key: string;
  readonly setting: Setting;
  /** The name ends in _file: its text is the path of a file that holds the value. */
  readonly isFile: boolean;
}

/** By name in lower case. A setting that is itself called something_file stays itself. */
export function namesOf(section: string, settings: Settings): Map<string, Known> {
  const names = new Map<string, Known>();
  for (const [key, setting] of Object.entries(settings)) {
    for (const name of [key, ...(setting.aliases ?? [])]) {
      names.set(name.toLowerCase(), { section, key, setting, isFile: false });
      const file = `${name.toLowerCase()}_file`;
      if (!names.has(file)) names.set(file, { section, key, setting, isFile: true });
    }
  }
  for (const [key, setting] of Object.entries(settings))
    names.set(key.toLowerCase(), { section, key, setting, isFile: false });
  return names;
}

/** `MOUSTASH_REDIS_IP` of `[Moustash] redis_ip`. */
export function variableOf(section: string, key: string): string {
  return `${section}_${key}`.toUpperCase();
}

/** `--redis-ip` of `redis_ip`. */
export function flagOf(key: string): string {
  return `--${key.toLowerCase().replaceAll("_", "-")}`;
}

/** What each section knows, by its name. */
export type Names = ReadonlyMap<string, ReadonlyMap<string, Known>>;

export const allNames = (sections: Sections): Names =>
  new Map(Object.entries(sections).map(([name, table]) => [name, namesOf(name, table)]));
