// The probe that talks: sends and expects in turn, over TCP, TLS or a Unix socket, with STARTTLS in mid-stream.
// Invariants: what is read is bounded; nothing that came before TLS is taken for an answer inside it.
import type { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import type { DialogueStep } from "./dialogue.ts";
import { type End, openLine, peerName, secureLine } from "./line.ts";
import { type Evidence, type Outcome, cleanText, fail, isGood, up } from "./outcome.ts";
import type { Kind } from "./probe.ts";
import type { Target } from "./target.ts";
import { readTrust } from "./trust.ts";

/** An answer that is longer than that without a match is not the one that is waited for. */
const mostHeard = 16_384;

export const exchange: Kind = (target) => converse(target, (to) => ({ to, port: target.port }));
export const unix: Kind = (target) => converse(target, () => ({ path: target.source }));

function converse(target: Target, endOf: (to: { address: string; family: 4 | 6 }) => End): ReturnType<Kind> {
  const { steps, tls } = target.exchange ?? { steps: [], tls: false };
  const trust = tls || steps.some(({ is }) => is === "starttls") ? readTrust(target.values) : undefined;
  const all: readonly DialogueStep[] = tls ? [{ is: "starttls" }, ...steps] : steps;
  return (to, trace, report) => {
    let line: Socket;
    let left = [...all];
    let over = false;
    let text = "";
    let decoder = new StringDecoder("utf8");
    let evidence: Evidence = {};
    let peer: Outcome = up;
    let openedMs = 0;

    function cancel() {
      over = true;
      line.destroy();
    }

    function end(outcome: Outcome) {
      if (over) return;
      cancel();
      const told =
        Object.keys(evidence).length === 0
          ? outcome
          : { ...outcome, evidence: { ...evidence, ...outcome.evidence } };
      if (isGood(outcome)) trace.step = "done";
      report(told);
    }

    function listen(socket: Socket) {
      line = socket;
      socket.on("data", (chunk: Buffer) => {
        trace.firstByteMs ??= performance.now() - openedMs;
        text += decoder.write(chunk);
        proceed();
      });
      socket.on("end", () => end(fail("closed", heardIn(text), evidence)));
      socket.on("close", () => end(fail("closed", heardIn(text), evidence)));
    }

    function proceed() {
      for (;;) {
        const step = left[0];
        if (over) return;
        if (step === undefined) return end(peer);
        if (step.is === "expect") {
          trace.step = "receive";
          if (!hear(step)) return;
        } else if (step.is === "send") {
          trace.step = "send";
          line.write(step.payload);
        } else {
          left = left.slice(1);
          return secure();
        }
        left = left.slice(1);
      }
    }

    /** True when what was waited for has come; what follows it stays. */
    function hear({ pattern, not }: Extract<DialogueStep, { is: "expect" }>): boolean {
      const match = pattern.exec(text);
      if (match) {
        note(text, evidence, (more) => (evidence = more));
        text = text.slice(match.index + match[0].length);
        return true;
      }
      trace.heard = cleanText(text);
      if (not?.test(text) || text.length > mostHeard) end(fail("unexpected", text.slice(0, mostHeard)));
      return false;
    }

    function secure() {
      // RFC 3207 §5, RFC 9051 §6.2.1: whoever slipped words in before TLS would be believed after it.
      if (text !== "") return end(fail("unexpected", `words before TLS: ${text}`));
      line.removeAllListeners("data").removeAllListeners("end").removeAllListeners("close");
      const plain = line;
      decoder = new StringDecoder("utf8");
      const secured = secureLine(
        plain,
        { name: peerName(target), trust: trust!, trace },
        {
          secured(_, judged) {
            evidence = { ...evidence, ...judged.evidence };
            if (judged.verdict === "down") return end(judged);
            peer = judged;
            return proceed();
          },
          failed: end,
        },
      );
      plain.once("close", () => end(fail("closed", undefined, evidence)));
      listen(secured);
    }

    line = openLine(endOf(to), trace, {
      opened(socket) {
        openedMs = performance.now();
        listen(socket);
        proceed();
      },
      failed: end,
    });
    return cancel;
  };
}

/** The first line that came says who is there. */
function note(text: string, evidence: Evidence, add: (evidence: Evidence) => void) {
  if (evidence["banner"] !== undefined) return;
  const banner = cleanText(text.split(/\r?\n/)[0]!);
  if (banner !== "") add({ ...evidence, banner });
}

function heardIn(text: string): string | undefined {
  return text === "" ? undefined : `heard: ${text}`;
}
