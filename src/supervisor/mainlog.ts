// supervisord's own log, line by line: the truth about deaths that its events lack. Pure.
// Source: supervisor 4.2.5, process.py (spawn, finish, transition, _acceptEvent) and options.py (decode_wait_status).

/** Milliseconds in the log's own clock and zone: good for differences within one log, nothing else. */
interface Timed {
  readonly logMs: number;
}

/** How a process ended. */
export interface Death {
  readonly exitCode?: number;
  /** `SIGSEGV` */
  readonly signal?: string;
  readonly coreDumped?: true;
  /** What supervisord said, where it is neither. */
  readonly cause?: string;
  readonly expected?: boolean;
}

export type LogLine =
  | (Timed & { readonly kind: "spawned"; readonly process: string; readonly pid: number })
  | (Timed & { readonly kind: "exited" | "stopped"; readonly process: string; readonly death: Death })
  | (Timed & { readonly kind: "killing"; readonly process: string; readonly pid: number })
  | (Timed & { readonly kind: "spawn error"; readonly text: string })
  | (Timed & { readonly kind: "success" | "gave up"; readonly process: string })
  | (Timed & { readonly kind: "overflow"; readonly pool: string; readonly serial: number })
  | (Timed & { readonly kind: "other"; readonly text: string });

/** Undefined where the line is none of supervisord's: the end of a traceback, a cut first line. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, date, time, milliseconds, text] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) [A-Z]{4} (.*)$/.exec(line) ?? [];
  if (text === undefined) return undefined;
  const logMs = Date.parse(`${date}T${time}.${milliseconds}Z`);
  for (const [pattern, read] of forms) {
    const match = pattern.exec(text);
    if (match) return { logMs, ...read(match.slice(1)) };
  }
  return { logMs, kind: "other", text };
}

type Untimed<T> = T extends unknown ? Omit<T, "logMs"> : never;
type Form = readonly [RegExp, (groups: readonly string[]) => Untimed<LogLine>];

const forms: readonly Form[] = [
  [
    /^spawned: '(.+)' with pid (\d+)$/,
    ([process, pid]) => ({ kind: "spawned", process: process!, pid: Number(pid) }),
  ],
  [
    /^exited: (\S+) \((.+); (not )?expected\)$/,
    ([process, cause, not]) => ({
      kind: "exited",
      process: process!,
      death: { ...parseCause(cause!), expected: not === undefined },
    }),
  ],
  [
    /^stopped: (\S+) \((.+)\)$/,
    ([process, cause]) => ({
      kind: "stopped",
      process: process!,
      death: parseCause(cause!),
    }),
  ],
  [
    /^killing '(.+)' \((\d+)\) with SIGKILL$/,
    ([process, pid]) => ({
      kind: "killing",
      process: process!,
      pid: Number(pid),
    }),
  ],
  [/^spawnerr: (.+)$/, ([text]) => ({ kind: "spawn error", text: text! })],
  [/^success: (\S+) entered RUNNING state/, ([process]) => ({ kind: "success", process: process! })],
  [/^gave up: (\S+) entered FATAL state/, ([process]) => ({ kind: "gave up", process: process! })],
  [
    /^pool (\S+) event buffer overflowed, discarding event (\d+)$/,
    ([pool, serial]) => ({
      kind: "overflow",
      pool: pool!,
      serial: Number(serial),
    }),
  ],
];

function parseCause(text: string): Death {
  const status = /^exit status (\d+)$/.exec(text)?.[1];
  if (status !== undefined) return { exitCode: Number(status) };
  const [, signal, core] = /^terminated by (SIG\w+|signal \d+)( \(core dumped\))?$/.exec(text) ?? [];
  if (signal !== undefined) return { signal, ...(core && { coreDumped: true as const }) };
  return { cause: text };
}
