// One life of supervisord: what tells it from the life before and from every other supervisord.
//
// `serial` counts within one life. The life is the process: the machine's boot, the pid namespace, the pid and its
// start time, which outlive a reload (HUP: same process, `serial` goes on) and change with every restart.
// Source: proc(5), /proc/PID/stat field 22; /proc/sys/kernel/random/boot_id.

export interface Life {
  readonly id: string;
  readonly pid: number;
  /** How old it was when it was looked at. */
  readonly ageMs: number;
  /** Python's supervisord counts the events of a pool from 0, the one written in Go from 1. */
  readonly firstPoolSerial: 0 | 1;
}

/** Linux counts start times in hundredths of a second towards its users, whatever the kernel's own rate. */
const tickMs = 10;

/** Undefined where /proc does not tell (hidepid, no Linux). */
export async function findLife(pid: number): Promise<Life | undefined> {
  const { readFile, readlink } = await import("node:fs/promises");
  try {
    const [boot, stat, uptime, command, namespace] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/uptime", "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
      readlink("/proc/self/ns/pid").catch(() => ""),
    ]);
    const startTicks = parseStartTicks(stat);
    if (startTicks === undefined) return undefined;
    const space = /\d+/.exec(namespace)?.[0] ?? "";
    return {
      id: `${boot.trim()}/${space}/${pid}/${startTicks}`,
      pid,
      ageMs: Number.parseFloat(uptime) * 1000 - startTicks * tickMs,
      firstPoolSerial: /python|pypy/.test(command) ? 0 : 1,
    };
  } catch {
    return undefined;
  }
}

/** Clock ticks since boot. The command, in parentheses, may itself hold spaces and parentheses. */
export function parseStartTicks(stat: string): number | undefined {
  const field = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : undefined;
}
