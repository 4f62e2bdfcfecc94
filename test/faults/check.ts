// Registers a test for each fault: a short round loses nothing, and keeps the order; and one for each mutant: a fault
// shows it, so the campaign can fail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type TemporaryFolder, temporaryFolder } from "../servers/server.ts";
import { buildTools, mutations } from "./build.ts";
import { createServers } from "./brokers.ts";
import { describe, runCampaign } from "./campaign.ts";
import type { Case } from "./fault.ts";

/** A round that hangs is a fault, too. */
const limit = { timeout: 600_000 };
const short = { length: "short", kills: 20 } as const;
/** What a mutant does wrong may need a kill to hit the moment. */
const mostTries = 40;

/** `shownBy`: the fault that shows each mutant. */
export function testFaults(cases: readonly Case[], shownBy: Readonly<Record<string, string>>): void {
  let folder: TemporaryFolder;
  let file: string;
  const servers = createServers();
  before(async () => {
    folder = await temporaryFolder("moustash-faults-build-");
    file = await buildTools(folder.path);
  });
  after(async () => {
    await servers[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  for (const one of cases) {
    test(`${one.fault.name}: nothing accepted is lost, nothing out of order`, limit, async (t) => {
      const [report] = await runCampaign({ ...short, file, cases: [one], servers });
      if (report!.skipped) return t.skip(report!.skipped);
      t.diagnostic(describe(report!));
      assert.ok(report!.accepted > 0, "something was accepted");
      assert.deepEqual([report!.lost, report!.disordered], [0, 0], describe(report!));
    });
  }
  for (const [name, shown] of Object.entries(shownBy)) {
    test(`a mutant is found: ${name}`, limit, async (t) => {
      await using place = await temporaryFolder("moustash-mutant-");
      const mutant = await buildTools(place.path, mutations[name]);
      const chosen = cases.filter(({ fault }) => fault.name === shown);
      assert.equal(chosen.length, 1, shown);
      for (let round = 0; round < mostTries; round += 1) {
        const [report] = await runCampaign({ ...short, file: mutant, cases: chosen, servers });
        if (report!.skipped) return t.skip(report!.skipped);
        if (report!.lost > 0 || report!.disordered > 0) return t.diagnostic(describe(report!));
      }
      return assert.fail(`${mostTries} rounds did not show it`);
    });
  }
}
