// A thread that answers calls: what waits for the disk waits there, and no event loop of ours stops.
//
// It costs as much memory as a small process, so it comes with the first call and goes when it has had nothing to do
// for a while and no service in it would forget anything; the next call starts another.
import type { MessagePort, Worker } from "node:worker_threads";
import { type ExitCode, MoustashError, exitCodes } from "./errors.ts";

/** What a service of the thread can be asked. */
export type Verbs = Readonly<Record<string, (...values: never[]) => Promise<unknown>>>;

export interface Service<V extends Verbs = Verbs> {
  readonly verbs: V;
  /** Whether nothing would be forgotten if it were closed now and opened again. */
  atRest(): boolean;
  close(): Promise<void>;
}

/** Makes a service; `tell` calls the other side's `heard`. */
export type OpenService = (options: never, tell: (message: string) => void) => Service;
/** The verbs of what makes a service. */
export type VerbsOf<O extends (options: never, tell: (message: string) => void) => Service> =
  ReturnType<O>["verbs"];

/** A service as its user sees it. */
export interface Client<V extends Verbs> {
  readonly ask: <K extends keyof V & string>(verb: K, ...values: Parameters<V[K]>) => ReturnType<V[K]>;
  readonly close: () => Promise<void>;
}

export interface Thread extends AsyncDisposable {
  /** The thread holds the process open only while it owes an answer. */
  service<V extends Verbs>(name: string, options: unknown, heard: (message: string) => void): Client<V>;
  readonly isRunning: boolean;
}

/** An expected trouble on the other side: a MoustashError, without its class. */
export class RemoteError extends MoustashError {}

/** The kernel gives no thread now: the next call tries again. */
export class NoThreadError extends MoustashError {
  declare readonly code: "no_thread";

  constructor(cause: unknown) {
    const message = `no thread can be started for the disk (${cause instanceof Error ? cause.message : String(cause)}): raise the limit of processes (docker run --pids-limit, ulimit -u) or of memory`;
    super("no_thread", exitCodes.full, message, { cause });
  }
}

type Asked =
  | { readonly close: number }
  | { readonly service: number; readonly verb: string; readonly values: readonly unknown[] };

type Request =
  | { readonly open: number; readonly name: string; readonly options: unknown }
  | { readonly rest: true }
  | ({ readonly id: number } & Asked);

type Reply =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly failure: { readonly code: string; readonly message: string; readonly exitCode: ExitCode };
    }
  | { readonly id: number; readonly bug: unknown }
  | { readonly service: number; readonly message: string }
  | { readonly rests: boolean };

/** The thread's side. */
export function serveThread(port: MessagePort, services: Readonly<Record<string, OpenService>>): void {
  const opened = new Map<number, Service>();
  const post = (reply: Reply) => port.postMessage(reply);

  /** Everything is closed before the other side hears of it: it may start the next thread at once. */
  async function rest() {
    const rests = [...opened.values()].every((service) => service.atRest());
    if (rests) for (const service of opened.values()) await service.close();
    post({ rests });
    if (rests) port.close();
  }

  port.on("message", (request: Request) => {
    if ("rest" in request) return void rest();
    if ("open" in request) {
      const tell = (message: string) => post({ service: request.open, message });
      opened.set(request.open, services[request.name]!(request.options as never, tell));
      return;
    }
    const { id } = request;
    const answer = (async () => {
      if ("close" in request) return await opened.get(request.close)!.close();
      return await opened.get(request.service)!.verbs[request.verb]!(...(request.values as never[]));
    })();
    answer.then(
      (result) => post({ id, result }),
      (error: unknown) => post({ id, ...failureOf(error) }),
    );
  });
}

function failureOf(error: unknown) {
  if (!(error instanceof MoustashError)) return { bug: error };
  const { code, message, exitCode } = error;
  return { failure: { code, message, exitCode } };
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export interface ThreadOptions {
  /** With nothing to do for this time the thread ends. */
  readonly restAfterMs?: number;
}

/** The caller's side. `entry` is the file that the thread runs. */
export function openThread(entry: string | URL, { restAfterMs = 3000 }: ThreadOptions = {}): Thread {
  const services: { name: string; options: unknown; heard: (message: string) => void }[] = [];
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let calls = 0;
  let quiet: NodeJS.Timeout | undefined;
  /** While the thread is asked whether it may end, calls wait for what it says. */
  let resting: PromiseWithResolvers<void> | undefined;

  function start(): Worker {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const started = new Worker(entry, { argv: [] });
    const died = (error: unknown) => {
      if (worker !== started) return;
      worker = undefined;
      for (const waiting of pending.values()) waiting.reject(error);
      pending.clear();
      rested();
    };
    started.on("message", hear);
    started.on("error", died);
    started.on("exit", (code) => died(new Error(`the thread of the disk ended with ${code}`)));
    for (const [open, { name, options }] of services.entries()) started.postMessage({ open, name, options });
    return started;
  }

  function hear(reply: Reply) {
    if ("service" in reply) return services[reply.service]?.heard(reply.message);
    if ("rests" in reply) {
      if (reply.rests) worker = undefined;
      else {
        worker?.unref();
        awaitQuiet();
      }
      return rested();
    }
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) {
      worker?.unref();
      awaitQuiet();
    }
    if ("result" in reply) return waiting?.resolve(reply.result);
    if ("bug" in reply) return waiting?.reject(reply.bug);
    const { code, exitCode, message } = reply.failure;
    return waiting?.reject(new RemoteError(code, exitCode, message));
  }

  /** One timer for many calls: it looks whether there were any while it ran. */
  function awaitQuiet(before = calls) {
    quiet ??= setTimeout(() => {
      quiet = undefined;
      if (pending.size > 0 || worker === undefined) return;
      if (calls !== before) return awaitQuiet();
      resting = Promise.withResolvers();
      // Whoever waits for what it says must not find the process ended.
      worker.ref();
      worker.postMessage({ rest: true } satisfies Request);
    }, restAfterMs).unref();
  }

  function rested() {
    resting?.resolve();
    resting = undefined;
  }

  function call(request: Asked): Promise<unknown> {
    // In turn: whoever waits goes on in the order of the calls.
    if (resting) return resting.promise.then(() => call(request));
    try {
      worker ??= start();
    } catch (error) {
      return Promise.reject(new NoThreadError(error));
    }
    const to = worker;
    calls += 1;
    const id = calls;
    to.ref();
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      to.postMessage({ id, ...request } satisfies Request);
    });
  }

  return {
    get isRunning() {
      return worker !== undefined;
    },
    service<V extends Verbs>(name: string, options: unknown, heard: (message: string) => void): Client<V> {
      const service = services.push({ name, options, heard }) - 1;
      worker?.postMessage({ open: service, name, options } satisfies Request);
      return {
        ask: (verb, ...values) => call({ service, verb, values }) as ReturnType<V[typeof verb]>,
        async close() {
          await resting?.promise;
          // A thread that does not run has closed everything.
          if (worker) await call({ close: service });
        },
      };
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(quiet);
      await resting?.promise;
      await worker?.terminate();
    },
  };
}
