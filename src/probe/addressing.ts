// What the several addresses of one name add up to: any, all or the first must answer; each family is judged strictly.
import { type Address, isLoopback } from "./address.ts";
import { causes } from "./cause.ts";
import { type Outcome, type Trace, fail, isGood, late } from "./outcome.ts";
import type { Probe } from "./probe.ts";

export type Addressing = "any" | "all" | "first";

/** A name may have hundreds of addresses; so many are tried. */
const mostAddresses = 16;

interface Part {
  readonly to: Address;
  readonly trace: Trace;
  outcome?: Outcome;
}

export interface AskAllOptions {
  readonly probe: Probe;
  readonly addresses: readonly Address[];
  readonly how: Addressing;
  /** Takes over the times of the address that decided. */
  readonly trace: Trace;
  readonly report: (outcome: Outcome) => void;
}

/** Asks side by side. `expire` reports with what there is: an address that is still asked has timed out. */
export function askAll({ probe, addresses, how, trace, report }: AskAllOptions) {
  const chosen = how === "first" ? addresses.slice(0, 1) : choose(addresses);
  const parts: Part[] = chosen.map((to) => ({ to, trace: { step: "connect", startMs: trace.startMs } }));
  let over = false;
  const cancels = parts.map((part) =>
    probe(part.to, part.trace, (outcome) => {
      part.outcome = outcome;
      if (!over && (isSettled() || parts.every((one) => one.outcome !== undefined))) conclude();
    }),
  );

  /** Nothing that is still to come can change the verdict. */
  function isSettled() {
    if (how !== "any") return false;
    return (
      parts.length === 1 ||
      [4, 6].every((family) => parts.every((one) => one.to.family !== family) || answers(family))
    );
  }

  const answers = (family: number) => parts.some((one) => one.to.family === family && isGood(one.outcome));

  function cancel() {
    over = true;
    for (const [index, stop] of cancels.entries()) if (parts[index]!.outcome === undefined) stop();
  }

  function conclude(isLate = false) {
    const open = parts.filter((one) => one.outcome === undefined);
    cancel();
    // At the deadline silence is an answer; before it, whoever is still asked was not needed.
    if (isLate) for (const one of open) one.outcome = late(one.trace);
    const asked = parts.filter((one) => one.outcome !== undefined);
    const { part, outcome } = judge(asked, how);
    const { dnsMs } = trace;
    Object.assign(
      trace,
      part.trace,
      { address: part.to.address },
      dnsMs === undefined ? undefined : { dnsMs },
    );
    report(
      asked.length < 2
        ? outcome
        : { ...outcome, evidence: { ...outcome.evidence, addresses: asked.map(tell) } },
    );
  }

  return { cancel, expire: () => conclude(true) };
}

/** Of too many addresses those that come first, of each family as many as the other leaves. */
function choose(addresses: readonly Address[]): readonly Address[] {
  if (addresses.length <= mostAddresses) return addresses;
  const half = mostAddresses / 2;
  const of = (one: 4 | 6) => addresses.filter(({ family }) => family === one);
  const [four, six] = [of(4), of(6)];
  const chosen = new Set([
    ...four.slice(0, Math.max(half, mostAddresses - six.length)),
    ...six.slice(0, Math.max(half, mostAddresses - four.length)),
  ]);
  return addresses.filter((one) => chosen.has(one));
}

/** Pure: the verdict over all that were asked, and the address that stands for it. */
function judge(parts: readonly Part[], how: Addressing): { part: Part; outcome: Outcome } {
  const good = parts.filter((one) => isGood(one.outcome));
  const bad = parts.filter((one) => one.outcome?.verdict === "down");
  const of = (part: Part) => ({ part, outcome: part.outcome! });
  if (good.length === 0) return of(bad[0] ?? parts[0]!);
  const best = good.find((one) => one.outcome?.verdict === "up") ?? good[0]!;
  if (bad.length === 0) return of(best);
  if (how === "all") return of(bad[0]!);
  // "localhost" has two addresses and most servers one: that is nobody's trouble.
  const broken = bad.find(
    ({ to }) => !isLoopback(to.address) && good.every((one) => one.to.family !== to.family),
  );
  if (broken === undefined) return of(best);
  return { part: best, outcome: fail("address_down", tell(broken), best.outcome?.evidence) };
}

function tell({ to, outcome, trace }: Part): string {
  const ms = trace.connectMs === undefined ? "" : ` ${trace.connectMs.toFixed(1)} ms`;
  const what = outcome?.cause === undefined ? "up" : causes[outcome.cause].text;
  return `${to.address} ${what}${ms}`;
}
