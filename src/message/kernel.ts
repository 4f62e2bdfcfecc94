// The few calls of the C library that Node lacks and a wrapped command needs: real pipes, what its processes used,
// and reaping as process 1. Through node:ffi, which Node calls experimental: without it each has a fallback.
import type * as Ffi from "node:ffi";

export interface Usage {
  readonly userMs: number;
  readonly systemMs: number;
  /** The largest of its processes. Absent where the command was too small or too short to tell. */
  readonly peakBytes?: number;
}

export interface Kernel {
  /** A pipe(2), close-on-exec. Node's own "pipe" is a socket, on which `echo > /dev/stdout` fails. */
  pipe(): { readonly read: number; readonly write: number } | undefined;
  /** What all children that have been waited for used (getrusage(2), RUSAGE_CHILDREN). */
  childrenUsage(): Usage | undefined;
  /** Waits for whoever of our children is dead, but for `spare`, which Node waits for itself. */
  reap(spare: number): void;
}

const closeOnExec = 0o2000000;
/** fcntl(2): F_SETPIPE_SZ. */
const setPipeSize = 1031;
export const pipeBytes = 2 ** 20;
const rusageChildren = -1;
/** waitid(2): P_ALL; WEXITED | WNOHANG | WNOWAIT. */
const anyChild = 0;
const peekDead = 4 | 1 | 0x0100_0000;
const noHang = 1;

/** Undefined where this Node has no FFI. */
export function loadKernel(): Kernel | undefined {
  const ffi = process.getBuiltinModule("node:ffi") as typeof Ffi | undefined;
  if (!ffi) return undefined;
  try {
    const { functions: libc } = ffi.dlopen(null, {
      fcntl: { arguments: ["i32", "i32", "i32"], return: "i32" },
      pipe2: { arguments: ["pointer", "i32"], return: "i32" },
      getrusage: { arguments: ["i32", "pointer"], return: "i32" },
      waitid: { arguments: ["i32", "i32", "pointer", "i32"], return: "i32" },
      waitpid: { arguments: ["i32", "pointer", "i32"], return: "i32" },
    });
    const address = (buffer: Buffer) => ffi.getRawPointer(buffer);
    return {
      pipe() {
        const ends = Buffer.alloc(8);
        if (libc.pipe2(address(ends), closeOnExec) !== 0) return undefined;
        const [read, write] = [ends.readInt32LE(0), ends.readInt32LE(4)];
        // Where the kernel allows it: fewer turns for a command that writes much.
        libc.fcntl(read, setPipeSize, pipeBytes);
        return { read, write };
      },
      childrenUsage() {
        // struct rusage: two struct timeval (seconds, microseconds), then ru_maxrss in KiB; each field 64 bits wide.
        const usage = Buffer.alloc(144);
        if (libc.getrusage(rusageChildren, address(usage)) !== 0) return undefined;
        const field = (index: number) => Number(usage.readBigInt64LE(index * 8));
        return {
          userMs: field(0) * 1000 + field(1) / 1000,
          systemMs: field(2) * 1000 + field(3) / 1000,
          peakBytes: field(4) * 1024,
        };
      },
      reap(spare) {
        // siginfo_t: si_pid follows three int and their padding; zero where nobody is dead.
        const info = Buffer.alloc(128);
        for (;;) {
          info.fill(0);
          if (libc.waitid(anyChild, 0, address(info), peekDead) !== 0) return;
          const pid = info.readInt32LE(16);
          if (pid === 0 || pid === spare) return;
          libc.waitpid(pid, null, noHang);
        }
      },
    };
  } catch {
    return undefined;
  }
}
