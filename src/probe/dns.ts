// The probe of a resolver: asks it for one record, and judges the answer.
import type { AnyRecord, Resolver } from "node:dns";
import { type Outcome, fail, failFrom, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";

/** c-ares' own patience: the caller's deadline is the one that counts. */
const patienceMs = 600_000;

export const dns: Kind = ({ port, query, values }) => {
  const { Resolver } = process.getBuiltinModule("node:dns");
  const name = values.dns_name ?? query ?? "";
  const type = (values.dns_type ?? "a").toUpperCase();
  const expected = (values.dns_expect ?? []).map(plain);
  return ({ address, family }, trace, report) => {
    const resolver: Resolver = new Resolver({ timeout: patienceMs, tries: 1 });
    let over = false;
    trace.step = "send";
    const beganMs = performance.now();
    resolver.setServers([family === 6 ? `[${address}]:${port}` : `${address}:${port}`]);
    trace.step = "receive";
    const answered = (error: Error | null, records: unknown) => {
      if (over) return;
      over = true;
      trace.firstByteMs = performance.now() - beganMs;
      if (error) return report(failFromDns(error));
      trace.step = "done";
      report(judge(tell(records)));
    };
    try {
      resolver.resolve(name, type, answered);
    } catch (error) {
      // A name that cannot be asked for is told at once by c-ares.
      queueMicrotask(() => answered(error as Error, undefined));
    }
    return () => {
      if (!over) resolver.cancel();
      over = true;
    };
  };

  function judge(answers: readonly string[]): Outcome {
    const evidence = { answers: answers.slice(0, 20) };
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
