// What a wrapped command writes: passed on untouched through real pipes, while its last lines are kept.
//
// Invariants:
// - A terminal is inherited, never replaced: colours, sizes and questions stay as they were, and nothing is kept.
// - Where standard output and error are one file, they stay one pipe: their lines keep their order.
// - A chunk is asked for when the last one was written: nothing is dropped, a slow reader slows the command itself.
// - Who still writes when the command has ended (a daemon it started) is neither waited for nor cut off.
import { closeSync, fstatSync, write } from "node:fs";
import type { OnReadOpts, Socket } from "node:net";
import { isatty } from "node:tty";
import { type Kernel, pipeBytes } from "./kernel.ts";
import { type Tail, createTail } from "./tail.ts";

export interface Tails {
  readonly stdout?: readonly string[];
  readonly stderr?: readonly string[];
  /** Both, where they are one file. */
  readonly output?: readonly string[];
}

export interface Output {
  /** For spawn: standard output and standard error of the command. */
  readonly stdio: readonly [number, number];
  /** Once the command has its own copies of the pipes, or never will. */
  started(): Promise<void>;
  /** After the command's end: resolves when all that it wrote is written on. */
  settled(): Promise<void>;
  tails(): Tails;
}

const inherited: Pick<Output, "started" | "settled" | "tails"> = {
  started: async () => {},
  settled: async () => {},
  tails: () => ({}),
};

export async function openOutput({
  keepLines,
  kernel,
}: {
  keepLines: number;
  kernel: Kernel | undefined;
}): Promise<Output> {
  const keeps = (fd: number) => keepLines > 0 && kernel !== undefined && isOpen(fd) && !isTerminal(fd);
  const names = { 1: "stdout", 2: "stderr" } as const;
  const streams: Stream[] = [];
  const open = (fd: 1 | 2, name: keyof Tails) => {
    const pipe = keeps(fd) ? kernel!.pipe() : undefined;
    if (!pipe) return fd;
    streams.push({ ...pipe, to: fd, name, tail: createTail({ mostLines: keepLines }) });
    return pipe.write;
  };
  const together = keeps(1) && keeps(2) && isSameFile(1, 2);
  const first = open(1, together ? "output" : names[1]);
  const second = together ? first : open(2, names[2]);
  if (streams.length === 0) return { ...inherited, stdio: [first, second] };
  let pumps: readonly Pump[] = [];
  return {
    stdio: [first, second],
    async started() {
      for (const stream of streams) closeSync(stream.write);
      // The command runs already while this is loaded; at once, for no turn of the event loop may lie in between.
      const { Socket } = process.getBuiltinModule("node:net");
      pumps = streams.map((stream) =>
        startPump(
          stream,
          (onread) => new Socket({ fd: stream.read, readable: true, writable: false, onread }),
        ),
      );
    },
    async settled() {
      await Promise.all(pumps.map((pump) => pump.settled()));
    },
    tails: () => Object.fromEntries(streams.map(({ name, tail }) => [name, tail.lines()])),
  };
}

interface Stream {
  readonly read: number;
  readonly write: number;
  readonly to: number;
  readonly name: keyof Tails;
  readonly tail: Tail;
}

interface Pump {
  settled(): Promise<void>;
}

function startPump({ read, to, tail }: Stream, open: (onread: OnReadOpts) => Socket): Pump {
  const state = { ended: false, chunks: 0, bytes: 0 };
  let writing = Promise.resolve();
  // One buffer for all: it is read into again when what it held is written.
  const buffer = Buffer.allocUnsafe(pipeBytes);
  const socket = open({
    buffer,
    callback(length) {
      state.chunks += 1;
      state.bytes += length;
      const chunk = buffer.subarray(0, length);
      tail.add(chunk);
      writing = writeAll(to, chunk).then(
        () => void socket.resume(),
        // Nobody reads any more: the command learns it as it would have without us, by its next write.
        () => void socket.destroy(),
      );
      return false;
    },
  });
  socket.resume();
  socket.on("error", () => {});
  const over = new Promise<void>((resolve) => {
    socket.on("close", () => {
      state.ended = true;
      resolve();
    });
  });

  return {
    async settled() {
      // What the command wrote lies in the pipe, and so does its end where nobody else holds it open. Beyond a pipe full
      // it is others who write.
      const mostBytes = state.bytes + pipeBytes;
      for (let quiet = 0; quiet < quietTurns && state.bytes < mostBytes && !state.ended;) {
        const before = state.chunks;
        await Promise.race([writing.then(turn), over]);
        quiet = state.chunks === before ? quiet + 1 : 0;
      }
      await writing;
      if (state.ended) return;
      socket.pause();
      await handOver(read, to);
      socket.destroy();
    },
  };
}

const quietTurns = 3;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Another process goes on passing on what the command's own children write; as process 1 we take them along. */
async function handOver(from: number, to: number): Promise<void> {
  if (process.pid === 1) return;
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], {
    stdio: [from, to, "ignore"],
    detached: true,
    env: {},
  });
  child.on("error", () => {});
  child.unref();
}

/** All of it, also to a pipe that is full and does not block. */
async function writeAll(fd: number, chunk: Buffer): Promise<void> {
  let delayMs = 1;
  for (let at = 0; at < chunk.length;) {
    const { error, bytes } = await writeSome(fd, chunk, at);
    if (error?.code === "EAGAIN") {
      await new Promise((resolve) => void setTimeout(resolve, delayMs));
      delayMs = Math.min(delayMs * 2, 20);
    } else if (error && error.code !== "EINTR") throw error;
    else {
      at += bytes;
      delayMs = 1;
    }
  }
}

function writeSome(fd: number, chunk: Buffer, at: number) {
  return new Promise<{ error: NodeJS.ErrnoException | null; bytes: number }>((resolve) => {
    write(fd, chunk, at, chunk.length - at, null, (error, bytes) => resolve({ error, bytes: bytes ?? 0 }));
  });
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** node:tty comes with node:net and all its streams: it is asked only where it could say yes. */
function isTerminal(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice() && isatty(fd);
}

function isSameFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev;
}
