// The probe of a resolver: asks it for one record, and judges the answer.
import type { AnyRecord, Resolver } from "node:dns";
import { openDatagram } from "./datagram.ts";
import { type Outcome, cleanText, fail, failFrom, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";

/** c-ares' own patience: the caller's deadline is the one that counts. */
const patienceMs = 600_000;

/** So many records are told. */
const mostAnswers = 20;

export const dns: Kind = ({ port, query, values }) => {
  const { Resolver } = process.getBuiltinModule("node:dns");
  const name = values.dns_name ?? query ?? "";
  const type = (values.dns_type ?? "a").toUpperCase();
  const expected = (values.dns_expect ?? []).map(plain);
  return (to, trace, report) => {
    let over = false;
    let resolver: Resolver | undefined;
    let beganMs = 0;
    trace.step = "connect";
    // c-ares says ECONNREFUSED also of what it could not send for want of descriptors, ports or a route.
    let close = openDatagram(to, port, { opened: ask, failed: end });

    function ask() {
      // What this socket had is free again for the one that c-ares opens at once.
      close();
      trace.step = "receive";
      beganMs = performance.now();
      resolver = new Resolver({ timeout: patienceMs, tries: 1 });
      resolver.setServers([to.family === 6 ? `[${to.address}]:${port}` : `${to.address}:${port}`]);
      try {
        resolver.resolve(name, type, answered);
      } catch (error) {
        // A name that cannot be asked for is told at once by c-ares.
        answered(error as Error, undefined);
      }
    }

    function answered(error: Error | null, records: unknown) {
      if (over) return;
      trace.firstByteMs = performance.now() - beganMs;
      if (error === null) end(judge(tell(records)));
      else if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") confirm();
      else end(failFromDns(error));
    }

    /** Nobody listens there, or a firewall of ours kept the question back: an empty datagram tells. */
    function confirm() {
      const refused = (error: Error | null) => end(error ? failFrom(error) : fail("refused"));
      close = openDatagram(to, port, {
        opened: (socket) => socket.send(Buffer.alloc(0), refused),
        failed: end,
      });
    }

    function end(outcome: Outcome) {
      if (over) return;
      cancel();
      if (outcome.verdict === "up") trace.step = "done";
      report(outcome);
    }

    function cancel() {
      if (over) return;
      over = true;
      resolver?.cancel();
      close();
    }

    return cancel;
  };

  function judge(answers: readonly string[]): Outcome {
    const evidence = { answers: answers.slice(0, mostAnswers).map((answer) => cleanText(answer)) };
    const missing = expected.find((one) => !answers.map(plain).includes(one));
    return missing === undefined
      ? { ...up, evidence }
      : fail("dns_answer", `no ${missing}, but ${answers.join(", ")}`, evidence);
  }
};

const plain = (answer: string) => answer.trim().toLowerCase().replace(/\.$/, "");

/** Any record as one line, sorted, so that a resolver that rotates them says the same. */
function tell(records: unknown): string[] {
  const list = Array.isArray(records)
    ? (records as (string | string[] | AnyRecord)[])
    : [records as AnyRecord];
  return list
    .map((record) =>
      typeof record === "string"
        ? record
        : Array.isArray(record)
          ? record.join("")
          : Object.values(record).join(" "),
    )
    .toSorted();
}

const words: Readonly<Record<string, Outcome>> = {
  ENOTFOUND: fail("dns_no_such_name"),
  ENODATA: fail("dns_no_record"),
  ETIMEOUT: fail("timeout"),
};

function failFromDns(error: Error): Outcome {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (words[code]) return words[code];
  return /^E(?:SERVFAIL|REFUSED|FORMERR|NOTIMP|BADRESP|BADNAME)$/.test(code)
    ? fail("dns_failed", code.slice(1))
    : failFrom(error);
}
