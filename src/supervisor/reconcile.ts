// What supervisord says of its processes against what we know of them. Pure.
import type { ProcessInfo } from "./evidence.ts";
import { fullName, type Processes } from "./processes.ts";

/** States in which a process rests; from the others an event is on its way. */
const resting = new Set(["RUNNING", "STOPPED", "EXITED", "FATAL", "UNKNOWN"]);

/** Processes whose present state, the same at both looks, nobody told us. What is gone is forgotten. */
export function differences({
  first,
  second,
  processes,
}: {
  readonly first: readonly ProcessInfo[];
  readonly second: readonly ProcessInfo[];
  readonly processes: Processes;
}): readonly ProcessInfo[] {
  const before = new Map(first.map((info) => [fullName(info.group, info.name), info]));
  const present = new Set(second.map((info) => fullName(info.group, info.name)));
  for (const name of processes.names()) if (!present.has(name)) processes.forget(name);
  return second.filter((info) => {
    const name = fullName(info.group, info.name);
    const earlier = before.get(name);
    if (!resting.has(info.statename) || earlier?.statename !== info.statename || earlier.pid !== info.pid) {
      return false;
    }
    const known = processes.get(name);
    if (known === undefined) return info.statename !== "STOPPED" || info.start > 0;
    if (known.state !== info.statename) return true;
    return info.statename === "RUNNING" && known.pid !== undefined && known.pid !== info.pid;
  });
}
