// Reads the configuration anew on SIGHUP and when its files change: valid or not at all.
// [Moustash] is read at start, and what of it differs now is named; the rest is in force at once.
// What changes beside the files in their folders costs a look at their texts, and no more: to read thousands of targets
// for it would stop probing.
// The folders are watched, not the files: an editor replaces a file, a ConfigMap swaps a link. A watch follows a folder
// wherever it is moved, and knows nothing of links on the way to it: so every few seconds we look where the paths lead.
// A file that is mounted alone stays the same file for us, whatever is put into its place outside.
import { type FSWatcher, statSync, watch } from "node:fs";
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { Sections } from "../config/names.ts";
import { ConfigError } from "../config/problem.ts";
import type { Text } from "../config/text.ts";
import type { Logger } from "../logger.ts";
import { rotatedSettings } from "../transport/settings.ts";

export interface ReloadOptions<C> {
  readonly config: C;
  readonly reload: () => Promise<C>;
  readonly subscribe: (signal: NodeJS.Signals, listener: () => void) => () => void;
  readonly logger: Logger;
  /** May reject: the configuration in force then goes on. Gives the settings that could not be applied yet. */
  readonly apply: (config: C, hash: string) => Promise<readonly string[]>;
  /** What no watch tells of is seen within so long. */
  readonly lookMs?: number;
}

/** An editor writes in several steps, a ConfigMap swaps several links. */
const quietMs = 300;

interface Watched {
  readonly watcher: FSWatcher;
  /** Of the folder that it watches. */
  readonly identity: string;
}

type AnyConfig = Pick<Config<Sections, unknown>, "texts" | "targetEntries" | "groups" | "files">;

/** Names a configuration by what it says, wherever it stands. */
export function hashOf({ texts, targetEntries, groups }: AnyConfig): string {
  const inOrder = texts.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const said = [
    inOrder.map(({ section, key, text }) => [section, key, text]),
    targetEntries.map(({ key, value }) => [key, value]),
    groups.map(({ program, texts: own }) => [program, own.map(({ key, text }) => [key, text])]),
  ];
  return createHash("sha256").update(JSON.stringify(said)).digest("hex").slice(0, 16);
}

/** Names the list of a Cuir, whatever it says now: where it stands, and which part of it is probed. */
export function listOf({ path = "", texts }: Pick<Config<Sections, unknown>, "path" | "texts">): string {
  const shard = texts.find(({ section, key }) => section === "Cuir" && key === "shard")?.text ?? "";
  return `${path && resolve(path)} ${shard}`;
}

const nameOf = ({ section, key }: Text): string => `[${section}] ${key}`;

const isReadAtStart = ({ section, key }: Text): boolean =>
  section === "Moustash" && !rotatedSettings.has(key);

/** What a configuration says while we still run with what another said at our start. */
function joined(atStart: AnyConfig, next: AnyConfig): AnyConfig {
  const kept = atStart.texts.filter(isReadAtStart);
  return { ...next, texts: [...kept, ...next.texts.filter((text) => !isReadAtStart(text))] };
}

/** The settings that are read at start only, and say something else now. */
function takingRestart(atStart: AnyConfig, next: AnyConfig): string[] {
  const said = (config: AnyConfig) =>
    new Map(config.texts.filter(isReadAtStart).map((text) => [nameOf(text), text.text]));
  const [before, now] = [said(atStart), said(next)];
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((name) => before.get(name) !== now.get(name))
    .toSorted();
}

export function watchConfig<C extends AnyConfig>(options: ReloadOptions<C>): Disposable {
  const { reload, subscribe, logger, apply, lookMs = 2000 } = options;
  let inForce = hashOf(options.config);
  /** Of the last reading, also of one that was refused: there its remedy will be written. */
  let { files } = options.config;
  let complaint: string | undefined;
  /** What takes a restart, as it was said last. */
  let awaited = "";
  let timer: NodeJS.Timeout | undefined;
  let watchers = new Map<string, Watched>();
  /** As the paths stood before the last reading. */
  let seen: string | undefined;
  let looking: NodeJS.Timeout | undefined;
  let last = Promise.resolve();
  let ended = false;

  /** One reading after the other: else an older one could be applied last. */
  function read(byHand: boolean) {
    last = last.then(() => readNow(byHand));
  }

  async function readNow(byHand: boolean) {
    let hash: string;
    let waiting: readonly string[] = [];
    let restart: string;
    try {
      if (!byHand && complaint === undefined && files.areUnchanged()) return;
      const config = await reload();
      ({ files } = config);
      hash = hashOf(joined(options.config, config));
      if (hash !== inForce) waiting = await apply(config, hash);
      restart = takingRestart(options.config, config).join(", ");
    } catch (error) {
      if (error instanceof ConfigError) files = error.files ?? files;
      const message = error instanceof Error ? error.message : String(error);
      if (message !== complaint || byHand)
        logger.error({}, `the new configuration is refused, the old one goes on:\n${message}`);
      complaint = message;
      return;
    } finally {
      // A folder that was replaced meanwhile is a change to the next look.
      follow();
    }
    const isNews = byHand || complaint !== undefined || restart !== awaited;
    if (hash !== inForce) {
      const all = waiting.length === 0 ? "" : `, but for ${waiting.join(", ")}`;
      logger.info({ hash }, `the new configuration is in force${all}`);
    } else if (isNews && restart === "") logger.info({ hash }, "the configuration says what it said before");
    if (isNews && restart !== "") logger.warn({ hash }, `not in force yet, it takes a restart: ${restart}`);
    complaint = undefined;
    awaited = restart;
    inForce = hash;
  }

  function follow() {
    if (ended) return;
    const next = new Map<string, Watched>();
    for (const folder of files.folders()) {
      const identity = identityOf(folder);
      const before = watchers.get(folder);
      const watched = before?.identity === identity ? before : open(folder, identity);
      if (watched) next.set(folder, watched);
    }
    for (const [folder, before] of watchers) if (next.get(folder) !== before) before.watcher.close();
    watchers = next;
  }

  function open(folder: string, identity: string): Watched | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        clearTimeout(timer);
        timer = setTimeout(() => read(false), quietMs);
      });
      watcher.on("error", () => {
        watcher.close();
        if (watchers.get(folder)?.watcher === watcher) watchers.delete(folder);
      });
      return { watcher, identity };
    } catch {
      return undefined;
    }
  }

  async function look() {
    const states = await Promise.all([...files.paths, ...files.folders()].map(stateOf));
    if (ended) return;
    const now = states.join("\n");
    if (now !== seen) read(false);
    seen = now;
    lookLater();
  }

  function lookLater() {
    looking = setTimeout(() => void look(), lookMs).unref();
  }

  follow();
  lookLater();
  const unsubscribe = subscribe("SIGHUP", () => read(true));
  return {
    [Symbol.dispose]() {
      ended = true;
      unsubscribe();
      clearTimeout(timer);
      clearTimeout(looking);
      for (const { watcher } of watchers.values()) watcher.close();
    },
  };
}

/** Tells a folder from another in its place, also from one that was given the number of the one that is gone. */
function identityOf(folder: string): string {
  try {
    const { dev, ino, birthtimeNs } = statSync(folder, { bigint: true });
    return `${dev} ${ino} ${birthtimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** Differs where a path leads elsewhere, and where what stands there was changed. */
async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, ctimeNs } = await stat(path, { bigint: true });
    return `${dev} ${ino} ${size} ${ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
