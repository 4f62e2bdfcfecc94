// The spool in a thread of its own: a commit that waits for the disk, or for another process, stops no event loop.
//
// Invariant: what was found is said again without asking only while nobody wrote, and never over an addition of ours.
import type { Envelope, EnvelopeClass, Route } from "../envelope.ts";
import { NoThreadError, RemoteError, type Thread, type VerbsOf } from "../thread.ts";
import { type Trace, traceDatabase } from "../trace.ts";
import { rejectedFile } from "./rejected.ts";
import { type SqliteSpoolOptions, emptyDrain, openSqliteSpool } from "./sqlite.ts";
import { type Drain, type Spool, SpoolError, type SpoolErrorCode, type SpoolStatus } from "./spool.ts";

/** The spool's own verbs, and those of a drain that it gave a number. */
type SpoolVerbs = VerbsOf<typeof serveSpool>;

type Options = Omit<SqliteSpoolOptions, "report">;

/**
 * Envelopes as one flat list: to copy an object costs the names of its properties, each time. What is as in the one
 * before is null.
 */
type Packed = readonly (string | number | null)[];

const width = 9;

function pack(envelopes: readonly Envelope[]): Packed {
  const packed: (string | number | null)[] = [];
  let last: Envelope | undefined;
  for (const envelope of envelopes) {
    const { id, run, seq, class: kind, atMs, route, body } = envelope;
    packed.push(id, run === last?.run ? null : run, seq, kind === last?.class ? null : kind, atMs);
    if (last && isSameRoute(route, last.route)) packed.push(null, null, null, body);
    else packed.push(route.type, route.host, route.program, body);
    last = envelope;
  }
  return packed;
}

const isSameRoute = (one: Route, other: Route) =>
  one === other || (one.program === other.program && one.type === other.type && one.host === other.host);

function unpack(packed: Packed): Envelope[] {
  const envelopes: Envelope[] = [];
  let run = "";
  let kind: EnvelopeClass = "change";
  let route: Route = { type: "", host: "", program: "" };
  for (let at = 0; at < packed.length; at += width) {
    run = (packed[at + 1] as string | null) ?? run;
    kind = (packed[at + 3] as EnvelopeClass | null) ?? kind;
    const type = packed[at + 5] as string | null;
    if (type !== null) route = { type, host: packed[at + 6] as string, program: packed[at + 7] as string };
    envelopes.push({
      id: packed[at] as string,
      run,
      seq: packed[at + 2] as number,
      class: kind,
      atMs: packed[at + 4] as number,
      route,
      body: packed[at + 8] as string,
    });
  }
  return envelopes;
}

/** The thread's side. */
export function serveSpool(options: Options, report: (message: string) => void) {
  const spool = openSqliteSpool({ ...options, report });
  /** Each with what it gave and what is not removed yet, by the number of the batch. */
  const drains = new Map<number, { drain: Drain; given: Map<number, readonly Envelope[]> }>();
  let drainsStarted = 0;
  const verbs = {
    /** What was refused comes back as its place in the batch. */
    async add(packed: Packed) {
      const envelopes = unpack(packed);
      const refused = new Set((await spool.add(envelopes)).refused);
      return envelopes.flatMap((envelope, index) => (refused.has(envelope) ? index : []));
    },
    waiting: (run: string) => spool.waiting(run),
    remove: (envelopes: readonly Envelope[]) => spool.remove(envelopes),
    reject: (envelope: Envelope, reason: string) => spool.reject(envelope, reason),
    note: (reason: string) => spool.note(reason),
    status: () => spool.status(),
    async drain() {
      const drain = await spool.drain();
      if (!drain) return undefined;
      drainsStarted += 1;
      drains.set(drainsStarted, { drain, given: new Map() });
      return drainsStarted;
    },
    async next(number: number, batch: number, most: Parameters<Drain["next"]>[0]) {
      const { drain, given } = drains.get(number)!;
      const envelopes = await drain.next(most);
      if (envelopes.length > 0) given.set(batch, envelopes);
      return pack(envelopes);
    },
    async removeDrained(number: number, batch: number) {
      const { drain, given } = drains.get(number)!;
      await drain.remove(given.get(batch)!);
      given.delete(batch);
    },
    async endDrain(number: number) {
      await drains.get(number)?.drain[Symbol.asyncDispose]();
      drains.delete(number);
    },
  };
  return {
    verbs,
    atRest: () => drains.size === 0 && spool.atRest(),
    close: async () => spool[Symbol.asyncDispose](),
  };
}

/** The caller's side. */
export function openWorkerSpool(
  thread: Thread,
  { report = () => {}, ...options }: SqliteSpoolOptions,
  trace: Trace = traceDatabase({ directory: options.directory, name: "spool", also: [rejectedFile] }),
): Spool {
  const { ask, close } = thread.service<SpoolVerbs>("spool", options, report);
  let additions = 0;
  let empty: string | undefined;
  let told: { readonly mark: string; readonly status: SpoolStatus } | undefined;

  function added() {
    additions += 1;
    empty = undefined;
    told = undefined;
  }

  return {
    durable: true,
    async add(envelopes) {
      added();
      const refused = await revived(ask("add", pack(envelopes)));
      added();
      return { refused: refused.map((index) => envelopes[index]!) };
    },
    waiting: (run) => revived(ask("waiting", run)),
    async drain() {
      const before = additions;
      const mark = await trace.mark();
      if (mark !== undefined && mark === empty) return emptyDrain;
      const number = await revived(ask("drain"));
      if (number === undefined) return undefined;
      let batches = 0;
      const given = new Map<readonly Envelope[], number>();
      return {
        async next(most) {
          batches += 1;
          const batch = batches;
          const alone = given.size === 0;
          const envelopes = unpack(await revived(ask("next", number, batch, most)));
          if (envelopes.length > 0) given.set(envelopes, batch);
          else if (alone && additions === before) empty = mark;
          return envelopes;
        },
        async remove(envelopes) {
          const batch = given.get(envelopes);
          await revived(batch ? ask("removeDrained", number, batch) : ask("remove", envelopes));
          given.delete(envelopes);
        },
        [Symbol.asyncDispose]: () => revived(ask("endDrain", number)),
      };
    },
    remove: (envelopes) => revived(ask("remove", envelopes)),
    reject: (envelope, reason) => revived(ask("reject", envelope, reason)),
    note: (reason) => revived(ask("note", reason)),
    async status() {
      const before = additions;
      const mark = await trace.mark();
      if (mark !== undefined && mark === told?.mark) return told.status;
      const status = await revived(ask("status"));
      told = mark !== undefined && additions === before ? { mark, status } : undefined;
      return status;
    },
    [Symbol.asyncDispose]: () => revived(close()),
  };
}

async function revived<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NoThreadError)
      throw new SpoolError("spool_unwritable", error.message, { cause: error });
    if (!(error instanceof RemoteError)) throw error;
    const { code, message, exitCode } = error;
    throw new SpoolError(code as SpoolErrorCode, message, { exitCode, cause: error });
  }
}
