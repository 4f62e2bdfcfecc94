// The spool in a thread of its own: a commit that waits for the disk, or for another process, stops no event loop.
//
// The thread runs the program's own entry file again, which hands over to serveSpool where workerData says so:
//   if (isSpoolThread(workerData)) serveSpool(parentPort!, workerData)
import type { MessagePort, Worker } from "node:worker_threads";
import type { Envelope } from "../envelope.ts";
import { type SqliteSpoolOptions, openSqliteSpool } from "./sqlite.ts";
import { type Drain, type Spool, SpoolError, type SpoolErrorCode } from "./spool.ts";

const mark = "moustash-spool";

interface ThreadData {
  readonly role: typeof mark;
  readonly options: Omit<SqliteSpoolOptions, "report">;
}

export function isSpoolThread(workerData: unknown): workerData is ThreadData {
  return (workerData as ThreadData | null | undefined)?.role === mark;
}

/** What can be asked of the thread: the spool's own verbs, and those of a drain that it gave a number. */
interface Verbs {
  add: Spool["add"];
  waiting: Spool["waiting"];
  remove: Spool["remove"];
  reject: Spool["reject"];
  status: Spool["status"];
  drain(): Promise<number | undefined>;
  next(drain: number, most: Parameters<Drain["next"]>[0]): ReturnType<Drain["next"]>;
  /** Undefined: all that `next` gave last. */
  removeDrained(drain: number, envelopes: readonly Envelope[] | undefined): Promise<void>;
  endDrain(drain: number): Promise<void>;
  close(): Promise<void>;
}

interface Call {
  readonly id: number;
  readonly verb: keyof Verbs;
  readonly values: readonly unknown[];
}

interface Failure {
  readonly code: SpoolErrorCode;
  readonly message: string;
  readonly exitCode: SpoolError["exitCode"];
}

type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly bug: unknown }
  | { readonly report: string };

/** The thread's side. */
export function serveSpool(port: MessagePort, { options }: ThreadData): void {
  const post = (reply: Reply) => port.postMessage(reply);
  const spool = openSqliteSpool({ ...options, report: (report) => post({ report }) });
  const drains = new Map<number, { readonly drain: Drain; last: readonly Envelope[] }>();
  let drainsStarted = 0;
  const verbs: Verbs = {
    add: (envelopes) => spool.add(envelopes),
    waiting: (run) => spool.waiting(run),
    remove: (envelopes) => spool.remove(envelopes),
    reject: (envelope, reason) => spool.reject(envelope, reason),
    status: () => spool.status(),
    async drain() {
      const drain = await spool.drain();
      if (!drain) return undefined;
      drainsStarted += 1;
      drains.set(drainsStarted, { drain, last: [] });
      return drainsStarted;
    },
    async next(number, most) {
      const entry = drains.get(number)!;
      return (entry.last = await entry.drain.next(most));
    },
    async removeDrained(number, envelopes) {
      const { drain, last } = drains.get(number)!;
      await drain.remove(envelopes ?? last);
    },
    async endDrain(number) {
      await drains.get(number)?.drain[Symbol.asyncDispose]();
      drains.delete(number);
    },
    close: async () => {
      await spool[Symbol.asyncDispose]();
    },
  };
  port.on("message", ({ id, verb, values }: Call) => {
    const answer = (verbs[verb] as (...values: readonly unknown[]) => Promise<unknown>)(...values);
    answer.then(
      (result) => post({ id, result }),
      (error: unknown) => post({ id, ...failureOf(error) }),
    );
  });
}

function failureOf(error: unknown): { failure: Failure } | { bug: unknown } {
  if (!(error instanceof SpoolError)) return { bug: error };
  const { code, message, exitCode } = error;
  return { failure: { code, message, exitCode } };
}

export interface WorkerSpoolOptions extends SqliteSpoolOptions {
  /** The file that the thread runs. */
  readonly entry: string | URL;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The caller's side. The thread starts with the first call, and holds the process open only while it owes an answer. */
export function openWorkerSpool({ entry, report = () => {}, ...options }: WorkerSpoolOptions): Spool {
  const pending = new Map<number, Pending>();
  let thread: Worker | undefined;
  let calls = 0;

  function start(): Worker {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const workerData: ThreadData = { role: mark, options };
    const started = new Worker(entry, { workerData, argv: [], stdout: false, stderr: false });
    started.on("message", (reply: Reply) => {
      if ("report" in reply) return report(reply.report);
      const waiting = pending.get(reply.id);
      pending.delete(reply.id);
      if (pending.size === 0) started.unref();
      if ("result" in reply) waiting?.resolve(reply.result);
      else if ("failure" in reply) waiting?.reject(revive(reply.failure));
      else waiting?.reject(reply.bug);
    });
    const died = (cause: unknown) => {
      if (thread === started) thread = undefined;
      for (const waiting of pending.values()) waiting.reject(cause);
      pending.clear();
    };
    started.on("error", died);
    started.on("exit", () =>
      died(revive({ code: "spool_unwritable", message: "the spool's thread ended", exitCode: 74 })),
    );
    return started;
  }

  function call<V extends keyof Verbs>(verb: V, ...values: Parameters<Verbs[V]>): ReturnType<Verbs[V]> {
    thread ??= start();
    const to = thread;
    calls += 1;
    const id = calls;
    to.ref();
    const answer = new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      to.postMessage({ id, verb, values } satisfies Call);
    });
    return answer as ReturnType<Verbs[V]>;
  }

  return {
    durable: true,
    add: (envelopes) => call("add", envelopes),
    waiting: (run) => call("waiting", run),
    async drain() {
      const number = await call("drain");
      if (number === undefined) return undefined;
      let last: readonly Envelope[] | undefined;
      return {
        next: async (most) => (last = await call("next", number, most)),
        remove: (envelopes) => call("removeDrained", number, envelopes === last ? undefined : envelopes),
        [Symbol.asyncDispose]: () => call("endDrain", number),
      };
    },
    remove: (envelopes) => call("remove", envelopes),
    reject: (envelope, reason) => call("reject", envelope, reason),
    status: () => call("status"),
    async [Symbol.asyncDispose]() {
      if (!thread) return;
      await call("close");
      await thread?.terminate();
    },
  };
}

function revive({ code, message, exitCode }: Failure): SpoolError {
  return new SpoolError(code, message, { exitCode });
}
