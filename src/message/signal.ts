// Which signals a wrapped command gets from us, and when: each that can be caught, but none twice.
import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** Tells a listener each time the signal comes; returns what ends that. */
export type Subscribe = (signal: NodeJS.Signals, listener: () => void) => () => void;

/** Raised by what a process does itself, impossible to catch, or Node's own. */
const notForwarded = new Set(
  (
    "SIGKILL SIGSTOP SIGCHLD SIGPIPE SIGTTIN SIGTTOU " +
    "SIGSEGV SIGBUS SIGFPE SIGILL SIGTRAP SIGSYS SIGABRT SIGIOT SIGPROF"
  ).split(" "),
);

/** The terminal sends these to the command as well when they are typed (or it is resized). */
const typed = new Set<string>(["SIGINT", "SIGQUIT", "SIGTSTP", "SIGWINCH"]);

export interface Forwarding {
  /** The last typed signal: the command was meant, and so were we. */
  typed(): NodeJS.Signals | undefined;
  stop(): void;
}

export function forwardSignals(subscribe: Subscribe, send: (signal: NodeJS.Signals) => void): Forwarding {
  let lastTyped: NodeJS.Signals | undefined;
  const names = Object.keys(constants.signals).filter((name) => !notForwarded.has(name)) as NodeJS.Signals[];
  const seen = new Set<number>();
  const ends = names
    // SIGPOLL is SIGIO: one number, one listener.
    .filter((name) => !seen.has(constants.signals[name]) && seen.add(constants.signals[name]))
    .map((name) =>
      subscribe(name, () => {
        if (typed.has(name) && isForeground()) lastTyped = name;
        else send(name);
        // We stop as well, so that the shell sees its job stopped; SIGCONT wakes both.
        if (name === "SIGTSTP") process.kill(process.pid, "SIGSTOP");
      }),
    );
  return {
    typed: () => lastTyped,
    stop: () => {
      for (const end of ends) end();
    },
  };
}

/** Whether our process group has the terminal: then the command, of the same group, hears its keys itself. */
function isForeground(): boolean {
  try {
    // proc_pid_stat(5): after the name in parentheses: state, ppid, pgrp, session, tty_nr, tpgid.
    const [, , group, , , foreground] = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return group === foreground;
  } catch {
    return false;
  }
}
