// Which words a target's own tags may not be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { alive, configurationChanged, refusal, silenced } from "../../../src/probe/notices.ts";
import { fail, up } from "../../../src/probe/outcome.ts";
import { removalOf } from "../../../src/probe/removal.ts";
import { type Occasion, draft } from "../../../src/probe/report.ts";
import { targetSettings } from "../../../src/probe/settings.ts";
import { parseTag } from "../../../src/probe/tags.ts";
import { parseTarget } from "../../../src/probe/target.ts";

test("words of one's own are taken, those of Cuir's events are refused, in any case", () => {
  const { parse } = targetSettings.tags;
  assert.deepEqual(parse("prod, eu, Notifications"), ["prod", "eu", "Notifications"]);
  for (const word of ["notification", "down", "Silenced", "late"])
    assert.throws(() => parse(`prod, ${word}`), {
      message: new RegExp(`"${word}" is a word that Cuir itself`),
    });
});

test("whatever Cuir tags an event with is such a word", () => {
  const target = parseTarget("A program", "10.1.2.3:22:x");
  const silence = { program: "A program", reason: "x", sinceMs: 0, untilMs: 1 };
  const occasions: Occasion[] = ["change", "reminder", "recovery", "probe", "flapping", "summary", "test"];
  const drafts = [
    ...(["new", "up", "degraded", "down", "unknown"] as const).flatMap((status) =>
      [up, fail("refused"), fail("slow"), fail("no_route")].flatMap((outcome) =>
        occasions.map((occasion) => {
          const gates = { silence, suppressedBy: "Router", flapping: true };
          return draft({ target, outcome, atMs: 0, status, ...gates }, occasion, true);
        }),
      ),
    ),
    ...[true, false].map((begins) => silenced(silence, { begins, atMs: 0, target })),
    removalOf({
      memory: { program: "A program", source: "10.1.2.3:22", status: "down", sinceMs: 0, number: 1 },
      target,
      notify: "changes",
      silence,
      host: "h",
      atMs: 0,
    })!.draft,
    configurationChanged({ added: [], removed: [], changed: [] }, { hash: "x", atMs: 0 }),
    refusal(new Map([["A program", 1]]), 0),
    alive(
      {
        targets: 1,
        down: 0,
        unknown: 0,
        silenced: 0,
        probes: 0,
        missed: 0,
        lagP99Ms: 0,
        nextDueMs: undefined,
        waiting: 0,
      },
      { host: "h", hash: undefined, atMs: 0, everyMs: 1 },
    ),
  ];
  const words = new Set(drafts.flatMap(({ tags }) => tags));
  words.delete(target.program);
  for (const word of words) assert.throws(() => parseTag(word), word);
});
