// What a wrapped command used: processor time and peak memory.
import { readFileSync } from "node:fs";
import type { Kernel, Usage } from "./kernel.ts";

export interface UsageWatch {
  /** After the command was waited for. */
  end(): Usage | undefined;
}

const sampleAfterMs = [20, 100, 400];
const sampleEveryMs = 1000;

/**
 * The kernel's own count of children that were waited for (getrusage(2)). Its peak memory begins at ours, for a child
 * is a copy of us until it executes its program (exec(2) keeps ru_maxrss): below that, samples of VmHWM tell.
 */
export function watchUsage(pid: number | undefined, kernel: Kernel | undefined): UsageWatch {
  const floorBytes = process.resourceUsage().maxRSS * 1024;
  const before = kernel?.childrenUsage();
  let sampledBytes: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let samples = 0;

  function sample() {
    sampledBytes = peakOf(pid!) ?? sampledBytes;
    timer = setTimeout(sample, sampleAfterMs[++samples] ?? sampleEveryMs).unref();
  }
  if (pid !== undefined) timer = setTimeout(sample, sampleAfterMs[0]).unref();

  return {
    end() {
      clearTimeout(timer);
      const after = kernel?.childrenUsage();
      if (!before || !after) return undefined;
      const exact = after.peakBytes! > floorBytes ? after.peakBytes : sampledBytes;
      return {
        userMs: round(after.userMs - before.userMs),
        systemMs: round(after.systemMs - before.systemMs),
        ...(exact !== undefined && { peakBytes: exact }),
      };
    },
  };
}

const round = (ms: number) => Math.round(ms * 10) / 10;

/** VmHWM of /proc/PID/status, which begins anew with each program (proc_pid_status(5)). */
function peakOf(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
