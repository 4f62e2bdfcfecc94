// Gathers the truth about deaths from one supervisord's HTTP server: its log as it grows, its word on a process, the
// last lines that the process wrote. A death is never kept waiting long for it.
import { createBackoff } from "../backoff.ts";
import { createLedger, type Deceased, type Fact } from "./ledger.ts";
import { parseLogLine } from "./mainlog.ts";
import { lastLines } from "./output.ts";
import { pause } from "./pause.ts";
import { type Web, WebError } from "./web.ts";
import type { XmlValue } from "./xmlrpc.ts";

export interface ProcessInfo {
  readonly name: string;
  readonly group: string;
  readonly statename: string;
  readonly pid: number;
  /** Whole seconds; 0 for never. */
  readonly start: number;
  readonly stop: number;
  readonly exitstatus: number;
  readonly spawnerr: string;
  readonly stdout_logfile: string;
  readonly stderr_logfile: string;
}

export interface Output {
  readonly stderr?: string;
  readonly stdout?: string;
}

export interface Evidence {
  /** The fact as soon as the log tells it; undefined when the time is over, at once where the log is silent. */
  find(
    deceased: Deceased,
    withinMs: number,
    options?: { readonly poke?: boolean },
  ): Promise<Fact | undefined>;
  /** Whether supervisord's log can be read and has said anything at all. */
  readonly log: "speaks" | "silent" | "away";
  process(group: string, name: string, withinMs: number): Promise<ProcessInfo | undefined>;
  processes(): Promise<readonly ProcessInfo[] | undefined>;
  output(info: ProcessInfo, withinMs: number): Promise<Output>;
  discarded(pool: string): readonly number[];
}

export interface EvidenceOptions {
  readonly web: Web;
  readonly signal: AbortSignal;
  readonly outputBytes: number | undefined;
  readonly mask?: RegExp | undefined;
  /** Once per outage. */
  readonly onAway?: (error: Error) => void;
}

/** supervisord's tail gives this much of what is there already. */
const tailBytes = 1024;
const mostLineLength = 16_384;
/** How much of its log is read when we come. */
const logBytes = 262_144;

export function gatherEvidence({ web, signal, outputBytes, mask, onAway }: EvidenceOptions): Evidence {
  const ledger = createLedger();
  const waiters = new Set<() => void>();
  let log: Evidence["log"] = "away";
  let last: string | undefined;

  /** Takes lines, but those that an earlier look told already. */
  function takeLines(lines: readonly string[], overlapping: boolean) {
    const known = overlapping && last !== undefined ? lines.lastIndexOf(last) : -1;
    for (const line of lines.slice(known + 1)) {
      const parsed = parseLogLine(line);
      if (parsed) ledger.take(parsed);
      last = line;
    }
  }

  async function followLog() {
    const backoff = createBackoff({ firstMs: 200, mostMs: 5000 });
    let complained = false;
    while (!signal.aborted) {
      try {
        // The stream begins with the last KB, and who was spawned at boot stands before that.
        const before = await ask("supervisor.readLog", -logBytes, 0);
        if (typeof before === "string") takeLines(before.split("\n").slice(0, -1), true);
        let rest = "";
        let first = true;
        for await (const piece of web.follow("/mainlogtail", signal)) {
          backoff.reset();
          complained = false;
          log = piece.length > 0 || log === "speaks" ? "speaks" : "silent";
          if (piece.length === 0) continue;
          const lines = (rest + piece.toString("utf8")).split("\n");
          rest = lines.pop()!.slice(-mostLineLength);
          takeLines(lines, first);
          first = false;
          for (const wake of waiters) wake();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!complained) onAway?.(error as Error);
        complained = true;
      }
      log = "away";
      await pause(backoff.next(), signal);
    }
  }
  void followLog();

  async function ask(method: string, ...params: XmlValue[]): Promise<XmlValue | undefined> {
    try {
      return await web.call(method, ...params);
    } catch (error) {
      if (error instanceof WebError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async function tail(info: ProcessInfo, channel: "stdout" | "stderr", withinMs: number) {
    const file = info[`${channel}_logfile`];
    // A terminal or a pipe has no end that could be read, and syslog is no file.
    if (file === "" || file.startsWith("/dev/") || file === "syslog") return undefined;
    const name = `${info.group}:${info.name}`;
    // An empty log would keep us waiting for what it gains.
    const size = await ask(
      `supervisor.tailProcess${channel === "stderr" ? "Stderr" : "Stdout"}Log`,
      name,
      0,
      0,
    );
    if (!Array.isArray(size) || size[1] === 0) return undefined;
    const bytes = await web
      .tail(`/logtail/${encodeURIComponent(name)}/${channel}`, withinMs)
      .catch(() => undefined);
    if (bytes === undefined || bytes.length === 0) return undefined;
    return (
      lastLines(bytes, { mostBytes: outputBytes ?? 0, cut: bytes.length >= tailBytes, mask }) || undefined
    );
  }

  return {
    async find(deceased, withinMs, { poke: poking = true } = {}) {
      const known = ledger.find(deceased);
      if (known || log !== "speaks" || withinMs <= 0) return known;
      return new Promise((resolve) => {
        const look = () => {
          const fact = ledger.find(deceased);
          if (fact) done(fact);
        };
        const done = (fact?: Fact) => {
          waiters.delete(look);
          signal.removeEventListener("abort", give);
          clearTimeout(timer);
          clearTimeout(poke);
          resolve(fact);
        };
        const give = () => done();
        signal.addEventListener("abort", give, { once: true });
        const timer = setTimeout(done, withinMs);
        // supervisord sends what its log gained only when something wakes it, and not within 100 ms of the last time.
        let pokeMs = 110;
        let poke = setTimeout(function again() {
          if (!poking) return;
          void ask("supervisor.getPID");
          pokeMs *= 2;
          poke = setTimeout(again, pokeMs);
        }, pokeMs);
        waiters.add(look);
      });
    },
    get log() {
      return log;
    },
    async process(group, name, withinMs) {
      const answer = ask("supervisor.getProcessInfo", `${group}:${name}`);
      return (await Promise.race([answer, pause(withinMs, signal)])) as ProcessInfo | undefined;
    },
    async processes() {
      return (await ask("supervisor.getAllProcessInfo")) as unknown as readonly ProcessInfo[] | undefined;
    },
    async output(info, withinMs) {
      if (outputBytes === undefined) return {};
      const [stderr, stdout] = await Promise.all([
        tail(info, "stderr", withinMs),
        tail(info, "stdout", withinMs),
      ]);
      return { ...(stderr && { stderr }), ...(stdout && { stdout }) };
    },
    discarded: (pool) => ledger.discarded(pool),
  };
}
