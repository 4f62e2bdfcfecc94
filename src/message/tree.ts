// A process and all that descend from it, as /proc knows them now.
import { readFileSync, readdirSync } from "node:fs";

/** Its number alone may be another's later. */
export interface Process {
  readonly pid: number;
  /** When it started, as the kernel counts. */
  readonly start: string;
}

/** These, where they still live, and all that descend from them, the eldest first. */
export function treeOf(roots: readonly Process[]): readonly Process[] {
  const living = new Map(processes().map((one) => [one.pid, one]));
  const children = Map.groupBy(living.values(), ({ parent }) => parent);
  const found = new Set<Process>();
  const queue = roots.flatMap((root) => {
    const now = living.get(root.pid);
    return now?.start === root.start ? now : [];
  });
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (found.has(next)) continue;
    found.add(next);
    queue.push(...(children.get(next.pid) ?? []));
  }
  return [...found];
}

export function signalAll(tree: readonly Process[], signal: NodeJS.Signals): void {
  for (const { pid } of tree) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile, or is another user's.
    }
  }
}

/** Undefined where there is none. */
export function processOf(pid: number): Process | undefined {
  return read(String(pid));
}

function processes() {
  return list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(name) ?? []);
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** One that is dead and only waited for is none. */
function read(name: string): (Process & { readonly parent: number }) | undefined {
  try {
    // proc_pid_stat(5): after the name in parentheses: state, parent, …; field 22 is the time of its start.
    const fields = readFileSync(`/proc/${name}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const [state, parent] = fields;
    return state === "Z" || state === "X"
      ? undefined
      : { pid: Number(name), parent: Number(parent), start: fields[19]! };
  } catch {
    return undefined;
  }
}
