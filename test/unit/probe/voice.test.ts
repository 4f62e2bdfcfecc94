// What people come to believe of a target, whatever its probes find, whoever silences it, and whatever it depends on.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Verdict } from "../../../src/probe/cause.ts";
import type { Memory } from "../../../src/probe/memory.ts";
import { type Outcome, fail, up } from "../../../src/probe/outcome.ts";
import type { Rules } from "../../../src/probe/settings.ts";
import { parseTarget } from "../../../src/probe/target.ts";
import { advance, settled, unjudged } from "../../../src/probe/transition.ts";
import { type Voice, createVoice } from "../../../src/probe/voice.ts";
import { defaults } from "./harness.ts";

type Step = Verdict | "silence" | "end of silence" | "parent down" | "parent up" | "restart";

const outcomes: Record<Verdict, Outcome> = {
  up,
  down: fail("refused"),
  degraded: fail("slow"),
  unknown: fail("no_route"),
};

/** A target over several lives of its Cuir, a second between two probes. */
function live(rules: Rules) {
  const target = parseTarget("SSH", "10.1.2.3:22:x");
  const heard: string[] = [];
  let nowMs = 1_800_000_000_000;
  let isSilent = false;
  let parent: string | undefined;
  let memory: Memory | undefined;
  let progress = unjudged;
  let voice: Voice;

  function begin() {
    voice = createVoice({
      target,
      rules,
      memory,
      audience: {
        host: "h",
        inContainer: false,
        now: () => nowMs,
        monotonic: () => nowMs,
        keep: (_, next) => void (memory = next),
        silenceOf: () => (isSilent ? { program: "ssh", reason: "x", sinceMs: 0, untilMs: 0 } : undefined),
        say(item) {
          memory = item.memory ?? memory;
          if (!item.draft.notify) return;
          assert.equal(isSilent, false, "nobody is told during a silence");
          const { tags, details } = item.draft;
          const isDigest = String(details?.["summary"]).includes(" flapped ");
          assert.ok(
            !tags.includes("suppressed") && !(isDigest && parent),
            `told while the parent is down: ${tags}`,
          );
          heard.push(item.draft.message.startsWith("RECOVERED: ") ? "up" : String(item.draft.tags[2]));
        },
      },
      blocker: () => parent,
      changed() {},
    });
    progress = memory === undefined ? unjudged : settled(memory.status);
  }

  function probe(verdict: Verdict) {
    nowMs += 1000;
    const outcome = outcomes[verdict];
    const before = progress.status;
    progress = advance(progress, verdict, rules);
    const { status } = progress;
    const trace = { step: "done" as const, startMs: nowMs - 1, totalMs: 1 };
    voice.hear(outcome, nowMs, 1);
    voice.tell({ outcome, trace, atMs: nowMs, lagMs: 0, before, status, streak: 0 });
  }

  begin();
  return {
    heard,
    step(step: Step) {
      if (step === "restart") begin();
      else if (step === "silence" || step === "end of silence") isSilent = step === "silence";
      else if (step === "parent down") parent = "Router";
      else if (step === "parent up") parent = undefined;
      else probe(step);
    },
  };
}

const steps = fc.array(
  fc.constantFrom<Step>(
    "up",
    "down",
    "degraded",
    "unknown",
    "silence",
    "end of silence",
    "parent down",
    "parent up",
    "restart",
  ),
  { maxLength: 60, size: "max" },
);
const counts = { fall: fc.integer({ min: 1, max: 3 }), rise: fc.integer({ min: 1, max: 3 }) };

for (const [name, flapping] of [
  ["never flapping", { flap_changes: undefined }],
  ["flapping", { flap_changes: 3, flap_window: 4000 }],
] as const)
  test(`whoever listens knows in the end how it is, and hears of no end without a beginning: ${name}`, () => {
    const last = fc.constantFrom<Verdict>("up", "down", "degraded");
    fc.assert(
      fc.property(steps, last, fc.record(counts), (story, final, given) => {
        const life = live(defaults({ ...given, ...flapping, remind: undefined }));
        for (const one of story) life.step(one);
        life.step("end of silence");
        life.step("parent up");
        for (let probe = 0; probe < 30; probe += 1) life.step(final);
        const { heard } = life;
        assert.equal(heard.at(-1) ?? "up", final, heard.join(", "));
        // A digest may say twice how it is.
        if (name === "flapping") return;
        for (const [index, word] of heard.entries())
          if (word === "up") assert.notEqual(heard[index - 1] ?? "up", "up", heard.join(", "));
      }),
      { numRuns: 2000 },
    );
  });

test("a digest waits while it is our own trouble, or a failure that is not confirmed, that is found", () => {
  const life = live(defaults({ fall: 2, rise: 1, flap_changes: 3, flap_window: 10_000, remind: undefined }));
  const probes = (verdict: Verdict, count: number) => {
    for (let probe = 0; probe < count; probe += 1) life.step(verdict);
  };
  probes("up", 1);
  probes("down", 2);
  probes("up", 1);
  probes("down", 2);
  assert.deepEqual(life.heard, ["down", "up", "down"], "it flaps from the last on");
  probes("unknown", 20);
  assert.deepEqual(life.heard, ["down", "up", "down"]);
  probes("down", 1);
  assert.deepEqual(life.heard.splice(0), ["down", "up", "down", "down"], "calm, and down");
  probes("up", 1);
  probes("down", 2);
  probes("up", 1);
  assert.deepEqual(life.heard.splice(0), ["up", "down", "up"]);
  probes("up", 9);
  probes("down", 1);
  assert.deepEqual(life.heard, []);
  probes("up", 1);
  assert.deepEqual(life.heard, ["up"], "calm, and up");
});
