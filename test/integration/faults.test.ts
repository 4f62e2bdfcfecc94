// A short campaign of faults on real servers; and mutants, which prove that it can fail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildTools, mutations } from "../faults/build.ts";
import { type CampaignOptions, describe, runCampaign } from "../faults/campaign.ts";
import { faults } from "../faults/faults.ts";
import { type TemporaryFolder, temporaryFolder } from "../servers/server.ts";

let folder: TemporaryFolder;
let file: string;
before(async () => {
  folder = await temporaryFolder("moustash-faults-build-");
  file = await buildTools(folder.path);
});
after(() => folder[Symbol.asyncDispose]());

/** A round that hangs is a fault, too. */
const limit = { timeout: 600_000 };
const short: Pick<CampaignOptions, "length" | "kills"> = { length: "short", kills: 20 };

for (const { name } of faults) {
  test(`${name}: nothing accepted is lost, nothing out of order`, limit, async (t) => {
    const [report] = await runCampaign({ ...short, file, only: name });
    if (report!.skipped) return t.skip(report!.skipped);
    t.diagnostic(describe(report!));
    assert.ok(report!.accepted > 0, "something was accepted");
    assert.deepEqual([report!.lost, report!.disordered], [0, 0], describe(report!));
  });
}

/** The fault that shows each mutant, and what is tried until it does. */
const shownBy: Record<keyof typeof mutations, string> = {
  "without fsync": "the power is cut",
  "accepted before the commit": "the spool's disk stands still",
  "removed before the broker has it": "redis is killed and restarted",
  "new events overtake those in the spool": "redis is stopped and resumed",
};
const mostTries = 40;

for (const [name, only] of Object.entries(shownBy)) {
  test(`a mutant is found: ${name}`, limit, async (t) => {
    await using place = await temporaryFolder("moustash-mutant-");
    const mutant = await buildTools(place.path, mutations[name]);
    for (let round = 0; round < mostTries; round += 1) {
      const [report] = await runCampaign({ ...short, file: mutant, only });
      if (report!.skipped) return t.skip(report!.skipped);
      if (report!.lost > 0 || report!.disordered > 0) return t.diagnostic(describe(report!));
    }
    return assert.fail(`${mostTries} rounds did not show it`);
  });
}
