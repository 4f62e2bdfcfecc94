// The fault campaign against real servers: prints, for each fault, what was accepted and what became of it.
//   npm run faults -- [--json] [--short] [--kills N] [--only WORDS] [--seed N] [--mutant NAME]
import { parseArgs } from "node:util";
import { ensurePackages } from "../../scripts/packages.ts";
import { temporaryFolder } from "../servers/server.ts";
import { buildTools, mutations } from "./build.ts";
import { runCampaign } from "./campaign.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    kills: { type: "string" },
    only: { type: "string", default: "" },
    seed: { type: "string" },
    mutant: { type: "string" },
  },
});
const mutation = values.mutant === undefined ? undefined : mutations[values.mutant];
if (values.mutant !== undefined && !mutation)
  throw new Error(`the mutants are: ${Object.keys(mutations).join("; ")}`);

await ensurePackages(["redis-server", "faketime", "e2fsprogs"]);
await using folder = await temporaryFolder("moustash-faults-build-");
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const faults = await runCampaign({
  file: await buildTools(folder.path, mutation),
  length: values.short ? "short" : "long",
  kills: Number(values.kills ?? (values.short ? 20 : 1000)),
  only: values.only,
  seed,
  say: (line) => void process.stderr.write(`${line}\n`),
});
const sum = (name: "accepted" | "delivered" | "duplicated" | "lost" | "destroyed" | "disordered") =>
  faults.reduce((total, fault) => total + fault[name], 0);
const totals = {
  accepted: sum("accepted"),
  delivered: sum("delivered"),
  duplicated: sum("duplicated"),
  lost: sum("lost"),
  disordered: sum("disordered"),
  destroyed: sum("destroyed"),
  kills: faults.reduce((total, { kills = 0 }) => total + kills, 0),
};
if (values.json) process.stdout.write(`${JSON.stringify({ seed, ...totals, faults })}\n`);
else process.stdout.write(`in all: ${JSON.stringify(totals)} (seed ${seed})\n`);
if (totals.lost > 0 || totals.disordered > 0) process.exitCode = 1;
