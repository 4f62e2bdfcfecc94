// The source of Fouet: notifications from the supervisord that runs us, or from the relays that connect to us.
import type { Readable, Writable } from "node:stream";
import type { Source } from "../envelope.ts";
import type { Events } from "../event.ts";
import type { Store } from "../store/store.ts";
import { converse } from "./conversation.ts";
import type { Life } from "./life.ts";
import { createOutlet } from "./outlet.ts";
import { createReporter, type ListenerObserver } from "./reporter.ts";
import type { FouetSettings } from "./settings.ts";
import { openSockets } from "./socket.ts";
import type { Log } from "./way.ts";

export interface ListenOptions {
  readonly settings: FouetSettings;
  readonly events: Events;
  readonly host: string;
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly observe?: ListenerObserver;
  /** Standard input and output: used where `listen` is stdio, and nothing else may ever write to this output. */
  readonly input: Readable;
  readonly output: Writable;
  /** Of the supervisord that started us, where `listen` is stdio and /proc tells. */
  readonly life: Life | undefined;
  /** What supervisord tells its children. */
  readonly environment: Supervised;
}

/** The variables that supervisord gives to its children. */
export interface Supervised {
  readonly SUPERVISOR_SERVER_URL?: string | undefined;
  readonly SUPERVISOR_GROUP_NAME?: string | undefined;
  readonly SUPERVISOR_PROCESS_NAME?: string | undefined;
}

/**
 * Ends when supervisord closes the pipe (stdio), or `signal` aborts. Throws a ProtocolError where standard input is
 * not supervisord's, a ListenError where a socket cannot be had.
 */
export async function* listen(options: ListenOptions): Source {
  const { settings, events, signal } = options;
  const outlet = createOutlet(events);
  // Ends with the source, whoever ends it first.
  const over = new AbortController();
  const reporter = createReporter({ ...options, outlet, signal: over.signal });
  const ways = settings.listen.length === 0 ? followStdio() : followSockets();
  ways.then(
    () => outlet.end(),
    (error: unknown) => outlet.end(error),
  );
  try {
    yield* outlet.source;
  } finally {
    over.abort();
    reporter.close();
  }

  async function followStdio() {
    const { input, output, life, environment } = options;
    const url = environment.SUPERVISOR_SERVER_URL;
    const pool = environment.SUPERVISOR_GROUP_NAME;
    const process = environment.SUPERVISOR_PROCESS_NAME;
    await reporter.follow(converse({ input, output, signal }), {
      stream: ["stdio", url].join(" ").trim(),
      life,
      url,
      pool,
      // With numprocs above 1 its siblings get the other events: a gap is no loss.
      shared: pool !== undefined && process !== undefined && pool !== process,
    });
  }

  async function followSockets() {
    const { log } = options;
    await openSockets({
      listenings: settings.listen,
      mode: settings.socket_mode,
      group: settings.socket_group,
      beyondLoopback: settings.listen_beyond_loopback,
      signal,
      log,
      serve: (socket, name) =>
        reporter.follow(converse({ input: socket, output: socket, signal, goodbye: () => socket.end() }), {
          stream: name,
          shown: name,
        }),
    });
  }
}
