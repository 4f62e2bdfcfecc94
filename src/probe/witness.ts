// Asks a witness whether the network works from here: any answer will do, even a refusal.
import type { Address } from "./address.ts";
import { fail, isSilence } from "./outcome.ts";
import { connectTcp } from "./tcp.ts";

export interface Witness extends Address {
  readonly port: number;
}

export function askWitness(witness: Witness, timeoutMs: number, answer: (answered: boolean) => void): void {
  const cancel = connectTcp(witness.port)(witness, { step: "connect", startMs: 0 }, (outcome) => {
    clearTimeout(timer);
    answer(outcome.verdict !== "unknown" && !isSilence(outcome));
  });
  const timer = setTimeout(() => {
    cancel();
    answer(!isSilence(fail("timeout")));
  }, timeoutMs);
  timer.unref();
}
