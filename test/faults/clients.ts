// Those who are told: one plays supervisord before Fouet, one gives lines to PanPan. What they were told is all that
// the campaign knows of the tools.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A bundle and the variables that it gets. */
export interface Tools {
  readonly file: string;
  /** What runs it: our Node, unless told. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stderr(): string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export function startTool(
  { file, command = [process.execPath, "--disable-warning=ExperimentalWarning"], env }: Tools,
  words: readonly string[],
  options: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Running {
  const [program, ...before] = [...command, file];
  const child = spawn(program, [...before, ...words], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env, ...options.env },
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr = (stderr + String(chunk)).slice(-4000)));
  child.stdin.on("error", () => {});
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  return {
    child,
    ended,
    stderr: () => stderr,
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      child.kill("SIGCONT");
      await ended;
    },
  };
}

/** What the tools said to be accepted, by the mark in the event. */
export interface Told {
  readonly accepted: Set<string>;
  /** A mark that no other event has. */
  mark(): string;
}

export function createTold(): Told {
  let count = 0;
  return {
    accepted: new Set(),
    mark() {
      count += 1;
      return `mark-${count}.`;
    },
  };
}

/**
 * Plays supervisord before Fouet, which it starts again when it ends: one notification at a time, and the same
 * again, with the same serial, until RESULT 2 OK came. Source: supervisor's events documentation.
 */
export function playSupervisord(tools: Tools, told: Told) {
  const pool = `pool-${Math.random().toString(36).slice(2)}`;
  let serial = 0;
  let current: string | undefined;
  let running: Running | undefined;
  let over = false;
  let kills = 0;
  let troubles = "";
  let answered = () => {};

  /** Calls back once, at the nth answer from now. */
  function atAnswer(nth: number, work: () => void) {
    let left = nth;
    answered = () => {
      left -= 1;
      if (left === 0) work();
    };
  }

  function start() {
    const fouet = startTool(tools, ["fouet"]);
    running = fouet;
    let buffer = "";
    fouet.child.stdout!.on("data", (chunk) => {
      buffer += String(chunk);
      for (;;) {
        if (buffer.startsWith("READY\n")) {
          buffer = buffer.slice(6);
          if (!over || current !== undefined) send(fouet);
        } else if (buffer.startsWith("RESULT 2\nOK")) {
          buffer = buffer.slice(11);
          told.accepted.add(current!);
          current = undefined;
          answered();
        } else return;
      }
    });
    void fouet.ended.then(({ code, signal }) => {
      if (signal !== "SIGKILL" && !over)
        troubles += `fouet ended with ${code ?? signal}: ${fouet.stderr()}\n`;
      if (!over) start();
    });
  }

  function send(fouet: Running) {
    if (current === undefined) {
      serial += 1;
      current = told.mark();
    }
    const payload = `type:fault\n${current}`;
    const header = `ver:3.0 server:supervisor serial:${serial} pool:${pool} poolserial:${serial} eventname:REMOTE_COMMUNICATION len:${payload.length}\n`;
    fouet.child.stdin!.write(header + payload);
  }

  start();
  return {
    running: () => running!,
    kills: () => kills,
    troubles: () => troubles,
    async kill() {
      kills += 1;
      await running!.kill();
    },
    /** Kills it in the moment of the nth answer, as far as a signal can; after a while without one, too. */
    async killAtAnswer(nth: number, patienceMs: number) {
      kills += 1;
      const fouet = running!;
      const timer = setTimeout(() => void fouet.kill(), patienceMs);
      atAnswer(nth, () => void fouet.kill());
      await fouet.ended;
      clearTimeout(timer);
      answered = () => {};
    },
    /** Until so many more are accepted. */
    answers: (count: number) => new Promise<void>((resolve) => atAnswer(count, resolve)),
    /** SIGTERM, unless told; the exit code. */
    async end(signal: NodeJS.Signals = "SIGTERM") {
      over = true;
      running!.child.kill(signal);
      const { code } = await running!.ended;
      return code;
    },
  };
}

/** Gives PanPan some lines: all are accepted where it says 0. Killed after `killAfterMs`, it says nothing. */
export async function panpanLines(
  tools: Tools,
  told: Told,
  count: number,
  { killAfterMs, env }: { killAfterMs?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<number | null> {
  const marks = Array.from({ length: count }, () => told.mark());
  const panpan = startTool(tools, ["panpan", "-p", "faults"], {
    input: marks.map((mark) => `${mark}\n`).join(""),
    ...(env && { env }),
  });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => void panpan.kill(), killAfterMs);
  const { code } = await panpan.ended;
  clearTimeout(timer);
  if (code === 0) for (const mark of marks) told.accepted.add(mark);
  return code;
}

/** `panpan --flush`, until nothing waits; its exit code. */
export async function flush(
  tools: Tools,
  { killAfterMs }: { killAfterMs?: number } = {},
): Promise<number | null> {
  const panpan = startTool(tools, ["panpan", "--flush"], { input: "" });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => void panpan.kill(), killAfterMs);
  const { code } = await panpan.ended;
  clearTimeout(timer);
  return code;
}
