// A store whose changes are on disk a moment later (write-behind): until then they stand in a log in shared memory,
// which the kernel keeps when we are killed, and whoever opens the store next under the same name takes them over.
//
// Invariants:
// - What `write` returned is in the log, or in the store behind it.
// - The log is emptied only when the store behind has all that is in it; to apply a change twice does no harm, for
//   the log's last word on a key is never older than the store's.
// - One process at a time has a name. A log that is not ours alone (another owner, a link) is neither read nor written.
import * as fs from "node:fs";
import type { Json, Store } from "./store.ts";

export interface BehindOptions {
  /** Outlives the process, and is no disk: /dev/shm. */
  readonly path: string;
  readonly report?: ((message: string) => void) | undefined;
  /** For how long changes are gathered. */
  readonly behindMs?: number;
  /** With so much in the log, changes wait for the disk. */
  readonly mostBytes?: number;
}

/** How often a store that refuses is asked again. */
const againMs = 250;

type Changes = ReadonlyMap<string, Json | undefined>;
type Spaces = Map<string, Map<string, Json | undefined>>;

export function writeBehind(
  store: Store,
  { path, report = () => {}, behindMs = 100, mostBytes = 2 ** 22 }: BehindOptions,
): Store {
  let log: number | undefined;
  let logBytes = 0;
  /** Not yet given to the store behind, and given but not yet there. */
  let waiting: Spaces = new Map();
  let leaving: Spaces = new Map();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;
  let troubled = false;
  let opening: Promise<void> | undefined;

  async function open(): Promise<void> {
    try {
      log = openOwn(path);
      for (const [space, changes] of readLog(log)) note(waiting, space, changes);
      logBytes = fs.fstatSync(log).size;
    } catch (error) {
      report(
        `${path} cannot be used (${(error as Error).message}): what is to be remembered waits for the disk each time`,
      );
      if (log !== undefined) fs.closeSync(log);
      log = undefined;
    }
    if (waiting.size > 0) await flush();
  }
  const opened = () => (opening ??= open());

  function append(space: string, changes: Changes): boolean {
    if (log === undefined || logBytes >= mostBytes) return false;
    const line = Buffer.from(lineOf(space, changes));
    try {
      if (fs.writeSync(log, line) === line.length) {
        logBytes += line.length;
        return true;
      }
    } catch {
      // No memory is left: the disk then.
    }
    // Nothing may stand behind half a line.
    logBytes = mostBytes;
    return false;
  }

  /** Gives all that waits to the store behind; what it does not take waits on. */
  function flush(): Promise<void> {
    return (flushing ??= (async () => {
      clearTimeout(timer);
      timer = undefined;
      leaving = waiting;
      waiting = new Map();
      try {
        for (const [space, changes] of leaving) await store.write(space, changes);
        troubled = false;
      } catch (error) {
        if (!troubled) report(`what is to be remembered waits in memory: ${(error as Error).message}`);
        troubled = true;
        for (const [space, changes] of waiting) note(leaving, space, changes);
        waiting = leaving;
      }
      leaving = new Map();
      flushing = undefined;
      if (waiting.size > 0) later();
      else if (log !== undefined && logBytes > 0) {
        fs.ftruncateSync(log);
        logBytes = 0;
      }
    })());
  }

  function later() {
    // Nobody need stay for it: the log has it.
    timer ??= setTimeout(() => void flush(), troubled ? againMs : behindMs).unref();
  }

  /** Until all that was written so far is in the store behind, or it refused. */
  async function settled(): Promise<void> {
    await flushing;
    if (waiting.size > 0) await flush();
  }

  function overlay(space: string, found: Map<string, Json>): Map<string, Json> {
    for (const changes of [leaving.get(space), waiting.get(space)])
      for (const [key, value] of changes ?? [])
        if (value === undefined) found.delete(key);
        else found.set(key, value);
    return found;
  }

  return {
    durable: store.durable,
    async get(space, key) {
      await opened();
      const before = await store.get(space, key);
      const found = new Map<string, Json>(before === undefined ? [] : [[key, before]]);
      return overlay(space, found).get(key);
    },
    async entries(space) {
      await opened();
      return overlay(space, new Map(await store.entries(space)));
    },
    async write(space, changes) {
      if (opening === undefined || log === undefined) await opened();
      const kept = append(space, changes);
      note(waiting, space, changes);
      if (kept) return later();
      return settled();
    },
    async [Symbol.asyncDispose]() {
      if (opening) await opening;
      await settled();
      clearTimeout(timer);
      if (log !== undefined) {
        if (!troubled) fs.rmSync(path, { force: true });
        fs.closeSync(log);
        log = undefined;
      }
      await store[Symbol.asyncDispose]();
    },
  };
}

function note(into: Spaces, space: string, changes: Iterable<readonly [string, Json | undefined]>) {
  let known = into.get(space);
  if (known === undefined) into.set(space, (known = new Map()));
  for (const [key, value] of changes) known.set(key, value);
}

/** A deletion is a key without value. */
function lineOf(space: string, changes: Changes): string {
  const entries: (readonly [string, Json?])[] = [];
  for (const [key, value] of changes) entries.push(value === undefined ? [key] : [key, value]);
  return `${JSON.stringify([space, ...entries])}\n`;
}

function openOwn(path: string): number {
  const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = fs.constants;
  const descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  const stat = fs.fstatSync(descriptor);
  const ours = stat.uid === process.getuid?.() && stat.nlink === 1 && (stat.mode & 0o177) === 0;
  if (ours && stat.isFile()) return descriptor;
  fs.closeSync(descriptor);
  throw new Error("it is somebody else's");
}

function* readLog(descriptor: number): Generator<readonly [string, [string, Json | undefined][]]> {
  for (const line of fs.readFileSync(descriptor, "utf8").split("\n")) {
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      continue;
    }
    const [space, ...changes] = entry as [string, ...[string, (Json | undefined)?][]];
    yield [space, changes.map(([key, value]) => [key, value])];
  }
}
