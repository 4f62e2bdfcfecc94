// The relay between supervisord's pipe and Fouet's socket: a listener that holds what is not answered yet.
//
// Invariants:
// - supervisord sees one listener that never dies: READY once for each RESULT, whatever happens to the connection.
// - A notification is held until its RESULT has come: a Fouet that was away or restarted gets it again, whole, and
//   knows it by its serial.
// - Nothing but READY and RESULT ever goes to `output`.
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { createBackoff } from "../backoff.ts";
import { formatGreeting, type Greeting } from "./greeting.ts";
import { findLife } from "./life.ts";
import { ok, ready } from "./protocol.ts";
import { showListening } from "./socket.ts";
import type { Listening } from "./settings.ts";
import type { Log } from "./way.ts";

export interface RelayOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly to: Listening;
  readonly greeting: Greeting;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The relay of the supervisord that runs us: says which it is, and which life of it. */
export async function relayFor({
  parentPid,
  host,
  environment,
  ...options
}: Omit<RelayOptions, "greeting"> & {
  readonly parentPid: number;
  /** As it is configured here: tells two of one machine's name apart. */
  readonly host?: string | undefined;
  readonly environment: { readonly SUPERVISOR_SERVER_URL?: string | undefined };
}): Promise<void> {
  const { hostname } = await import("node:os");
  const life = await findLife(parentPid);
  const url = environment.SUPERVISOR_SERVER_URL;
  await relay({
    ...options,
    greeting: { name: host ?? hostname(), ...(life && { life }), ...(url && { url }) },
  });
}

/** Resolves when supervisord closes its side, or `signal` aborts. */
export async function relay({ input, output, to, greeting, signal, log }: RelayOptions): Promise<void> {
  const { connect } = await import("node:net");
  let held: Buffer[] = [];
  /** What supervisord was told last: it is READY until it sends, and BUSY until RESULT. */
  let told: "nothing" | "ready" = "nothing";
  let socket: Socket | undefined;
  let open = false;
  let complained = false;
  const backoff = createBackoff({ firstMs: 100, mostMs: 2000 });

  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  signal.addEventListener("abort", finish, { once: true });
  input.on("end", finish).on("close", finish).on("error", finish);
  output.on("error", finish);
  input.on("data", (bytes: Buffer) => {
    held.push(bytes);
    if (open) socket?.write(bytes);
  });

  let over = false;
  let retry: NodeJS.Timeout | undefined;
  function dial() {
    if (over) return;
    const dialled = connect(to.kind === "unix" ? { path: to.path } : { host: to.host, port: to.port });
    socket = dialled;
    open = false;
    let unread = "";
    dialled.on("connect", () => dialled.write(formatGreeting(greeting)));
    dialled.on("data", (bytes) => {
      unread += bytes.toString("latin1");
      for (;;) {
        if (unread.startsWith(ready)) {
          unread = unread.slice(ready.length);
          open = true;
          backoff.reset();
          if (complained) log.info({}, `connected to Fouet at ${showListening(to)}`);
          complained = false;
          // To a connection that replaces another, supervisord is ready already, or waits for its RESULT.
          if (told === "nothing") output.write(ready);
          told = "ready";
          for (const piece of held) dialled.write(piece);
        } else if (unread.startsWith(ok)) {
          unread = unread.slice(ok.length);
          if (held.length > 0) output.write(ok);
          held = [];
          told = "nothing";
        } else if (ready.startsWith(unread) || ok.startsWith(unread)) return;
        else {
          log.warn(
            {},
            `what listens at ${showListening(to)} is no Fouet: it said ${JSON.stringify(unread.slice(0, 60))}`,
          );
          dialled.destroy();
          return;
        }
      }
    });
    let problem: Error | undefined;
    dialled.on("error", (error) => (problem = error));
    dialled.on("close", () => {
      if (over) return;
      if (!complained) {
        log.warn({}, `Fouet at ${showListening(to)} is away (${problem?.message ?? "it closed"}): trying on`);
      }
      complained = true;
      retry = setTimeout(dial, backoff.next());
    });
  }
  dial();
  await finished;
  over = true;
  clearTimeout(retry);
  socket?.end();
  input.pause();
}
