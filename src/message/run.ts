// A wrapped command as a source: its start, its heartbeats and its end become batches, while it runs undisturbed.
import type { Batch } from "../envelope.ts";
import type { Events } from "../event.ts";
import { ringAfter } from "../waiting.ts";
import type { Ended, RunningCommand } from "./command.ts";
import { type Heard, toBatch } from "./message.ts";
import { type Remembering, type Rule, decide, isSame } from "./remember.ts";
import { type RunWording, endedDraft, runningDraft, startedDraft } from "./run-report.ts";

export interface SayRunOptions {
  readonly running: RunningCommand;
  readonly run: RunWording;
  readonly events: Events;
  readonly rule: Rule;
  readonly start: boolean;
  readonly everyMs: number | undefined;
  readonly remembering: Remembering;
  readonly heard: Heard;
}

/** Ends after the command's end event, or without one where the rule says so. */
export async function* sayRun(options: SayRunOptions): AsyncGenerator<Batch, void, undefined> {
  const { running, run, events, rule, start, everyMs, remembering, heard } = options;
  const { startedAtMs: atMs, pid } = running;
  if (start) yield toBatch([events.create(startedDraft(run, { atMs, pid }))], heard);
  const nextBeatMs = () => everyMs! - ((Date.now() - atMs) % everyMs!);
  let ended = everyMs === undefined ? await running.ended : await endedWithin(running.ended, nextBeatMs());
  // A beat that was missed while the broker was slow is not made up for.
  while (!ended) {
    yield toBatch([events.create(runningDraft(run, { atMs: Date.now(), forMs: Date.now() - atMs }))], heard);
    ended = await endedWithin(running.ended, nextBeatMs());
  }
  const decision = decide(ended.exitCode === 0, rule, remembering.memory);
  if (!isSame(decision.next, remembering.memory)) await remembering.write(decision.next);
  if (!decision.tell) return;
  const event = events.create(endedDraft(run, ended, decision));
  yield {
    events: [event],
    async accepted(receipt) {
      heard([event], receipt);
      if (!isSame(decision.told, decision.next)) await remembering.write(decision.told);
    },
  };
}

async function endedWithin(ended: Promise<Ended>, ms: number): Promise<Ended | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const stop = ringAfter(ms, () => resolve(undefined));
  try {
    return await Promise.race([ended, late]);
  } finally {
    stop();
  }
}
