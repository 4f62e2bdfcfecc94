// The source of a Fouet that supervisord itself runs: notifications on standard input, answers on standard output.
import type { Readable, Writable } from "node:stream";
import type { Source } from "../envelope.ts";
import type { Events } from "../event.ts";
import type { Store } from "../store/store.ts";
import { converse } from "./conversation.ts";
import type { Life } from "./life.ts";
import { createReporter, type ReporterSettings } from "./reporter.ts";

export interface ListenOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly events: Events;
  readonly host: string;
  readonly store: Store;
  readonly settings: ReporterSettings;
  readonly signal: AbortSignal;
  /** Of our parent (findLife); undefined where /proc does not tell. */
  readonly life: Life | undefined;
}

/** Ends when supervisord closes the pipe; throws a ProtocolError on what is not its protocol. */
export async function* listen({ input, output, events, signal, ...rest }: ListenOptions): Source {
  const reporter = createReporter({ ...rest, stream: "stdio" });
  for await (const exchange of converse({ input, output, signal })) {
    const report = await reporter.report(exchange.notification, exchange.arrivedMs);
    if (report.kind === "repeat") {
      void report.accepted.then(() => exchange.answer());
      continue;
    }
    yield {
      events: report.drafts.map((draft) => events.create(draft)),
      async accepted() {
        await report.accept();
        await exchange.answer();
      },
    };
  }
}
