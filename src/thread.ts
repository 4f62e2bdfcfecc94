// A thread that answers calls: what waits for the disk waits there, and no event loop of ours stops.
//
// The thread runs the program's own entry file again, which hands over where workerData says so (see disk.ts).
import type { MessagePort, Worker } from "node:worker_threads";
import { type ExitCode, MoustashError } from "./errors.ts";

/** What a service of the thread can be asked. */
export type Verbs = Readonly<Record<string, (...values: never[]) => Promise<unknown>>>;
/** Makes a service; `tell` calls the other side's `heard`. */
export type OpenService = (options: never, tell: (message: string) => void) => Verbs;

/** A service as its user sees it. */
export type Call<V extends Verbs> = <K extends keyof V & string>(
  verb: K,
  ...values: Parameters<V[K]>
) => ReturnType<V[K]>;

export interface Thread extends AsyncDisposable {
  /** The thread starts with the first call, and holds the process open only while it owes an answer. */
  service<V extends Verbs>(name: string, options: unknown, heard: (message: string) => void): Call<V>;
}

/** An expected trouble on the other side: a MoustashError, without its class. */
export class RemoteError extends MoustashError {}

type Request =
  | { readonly open: number; readonly name: string; readonly options: unknown }
  | {
      readonly id: number;
      readonly service: number;
      readonly verb: string;
      readonly values: readonly unknown[];
    };

type Reply =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly failure: { readonly code: string; readonly message: string; readonly exitCode: ExitCode };
    }
  | { readonly id: number; readonly bug: unknown }
  | { readonly service: number; readonly message: string };

/** The thread's side. */
export function serveThread(port: MessagePort, services: Readonly<Record<string, OpenService>>): void {
  const opened = new Map<number, Verbs>();
  const post = (reply: Reply) => port.postMessage(reply);
  port.on("message", (request: Request) => {
    if ("open" in request) {
      const tell = (message: string) => post({ service: request.open, message });
      opened.set(request.open, services[request.name]!(request.options as never, tell));
      return;
    }
    const { id, service, verb, values } = request;
    const answer = (async () => opened.get(service)![verb]!(...(values as never[])))();
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

/** The caller's side. `entry` is the file that the thread runs, with `workerData`. */
export function openThread(entry: string | URL, workerData: unknown): Thread {
  const services: { name: string; options: unknown; heard: (message: string) => void }[] = [];
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let calls = 0;

  function start(): Worker {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const started = new Worker(entry, { workerData, argv: [] });
    const died = (error: unknown) => {
      if (worker === started) worker = undefined;
      for (const waiting of pending.values()) waiting.reject(error);
      pending.clear();
    };
    started.on("message", hear);
    started.on("error", died);
    started.on("exit", (code) => died(new Error(`the thread of the disk ended with ${code}`)));
    for (const [open, { name, options }] of services.entries()) started.postMessage({ open, name, options });
    return started;
  }

  function hear(reply: Reply) {
    if ("service" in reply) return services[reply.service]?.heard(reply.message);
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker?.unref();
    if ("result" in reply) return waiting?.resolve(reply.result);
    if ("bug" in reply) return waiting?.reject(reply.bug);
    const { code, exitCode, message } = reply.failure;
    return waiting?.reject(new RemoteError(code, exitCode, message));
  }

  return {
    service<V extends Verbs>(name: string, options: unknown, heard: (message: string) => void): Call<V> {
      const service = services.push({ name, options, heard }) - 1;
      worker?.postMessage({ open: service, name, options } satisfies Request);
      return (verb, ...values) => {
        worker ??= start();
        const to = worker;
        calls += 1;
        const id = calls;
        to.ref();
        return new Promise((resolve, reject) => {
          pending.set(id, { resolve, reject });
          to.postMessage({ id, service, verb, values } satisfies Request);
        }) as ReturnType<V[typeof verb]>;
      };
    },
    async [Symbol.asyncDispose]() {
      await worker?.terminate();
    },
  };
}
