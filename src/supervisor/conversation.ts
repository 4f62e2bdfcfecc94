// One conversation with supervisord over a pair of streams: READY, a notification, its answer, READY.
//
// Nothing but the protocol is ever written to `output`. The answer is given by answer() alone, once.
import type { Readable, Writable } from "node:stream";
import type { Greeting } from "./greeting.ts";
import { createReader, ok, type ReaderOptions, ready } from "./protocol.ts";
import type { Notification } from "./notification.ts";

export interface Exchange {
  /** What the relay said first. */
  readonly greeting: Greeting | undefined;
  readonly notification: Notification;
  readonly arrivedMs: number;
  /** RESULT OK, and READY for the next unless we are about to go; resolves when written, or nobody listens. */
  answer(): Promise<void>;
}

export interface ConversationOptions extends ReaderOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
  /** How long silence must last before `len` is believed to count something other than code points. */
  readonly settleMs?: number;
  /** Called when `signal` has aborted and the last answer is given. */
  readonly goodbye?: () => void;
  readonly now?: () => number;
}

/** Ends when supervisord closes its side or `signal` aborts; throws a ProtocolError. */
export async function* converse({
  input,
  output,
  signal,
  settleMs = 1000,
  goodbye = () => {},
  now = Date.now,
  ...readerOptions
}: ConversationOptions): AsyncGenerator<Exchange> {
  const reader = createReader(readerOptions);
  const waiting: { notification: Notification; arrivedMs: number }[] = [];
  let end: { error?: unknown } | undefined;
  let unanswered = 0;
  let wake = () => {};
  let settling: NodeJS.Timeout | undefined;

  const finish = (error?: unknown) => {
    end ??= error === undefined ? {} : { error };
    wake();
  };
  const receive = (bytes: Uint8Array) => {
    clearTimeout(settling);
    try {
      for (const notification of reader.push(bytes)) waiting.push({ notification, arrivedMs: now() });
    } catch (error) {
      return finish(error);
    }
    if (reader.settling) settling = setTimeout(settle, settleMs);
    // supervisord sends one and waits; whoever sends more waits in the pipe.
    if (waiting.length > 1) input.pause();
    wake();
  };
  const settle = () => {
    const notification = reader.settle();
    if (notification) waiting.push({ notification, arrivedMs: now() });
    wake();
  };
  const close = () => finish();

  const write = (text: string) =>
    new Promise<void>((resolve) => {
      if (!output.writable) return resolve();
      output.write(text, () => resolve());
    });
  const answer = async () => {
    await write(signal.aborted || end ? ok : ok + ready);
    unanswered -= 1;
    part();
  };
  const part = () => {
    if (signal.aborted && unanswered === 0) goodbye();
  };

  // A pipe that broke is a supervisord that closed it; without a listener the error would be thrown.
  output.on("error", close);
  input.on("data", receive).on("end", close).on("close", close).on("error", close);
  signal.addEventListener("abort", close, { once: true });
  try {
    if (!signal.aborted) await write(ready);
    for (;;) {
      const next = signal.aborted ? undefined : waiting.shift();
      if (next) {
        if (waiting.length === 0) input.resume();
        unanswered += 1;
        yield { ...next, greeting: reader.greeting, answer };
      } else if (signal.aborted || (end && end.error === undefined)) return;
      else if (end) throw end.error;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearTimeout(settling);
    signal.removeEventListener("abort", close);
    input.off("data", receive).off("end", close).off("close", close);
    input.pause();
    part();
  }
}
