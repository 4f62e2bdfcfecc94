// The fault campaign against real servers: prints, for each fault, what was accepted and what became of it.
//   npm run faults -- [--json] [--short] [--kills N] [--only WORDS]… [--seed N] [--mutant NAME]
import { parseArgs } from "node:util";
import { ensurePackages } from "../../scripts/packages.ts";
import { temporaryFolder } from "../servers/server.ts";
import { buildTools, mutations } from "./build.ts";
import { runCampaign } from "./campaign.ts";
import { cases } from "./faults.ts";
import { sumOf } from "./tally.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    kills: { type: "string" },
    only: { type: "string", multiple: true, default: [""] },
    seed: { type: "string" },
    mutant: { type: "string" },
  },
});
const mutation = values.mutant === undefined ? undefined : mutations[values.mutant];
if (values.mutant !== undefined && !mutation)
  throw new Error(`the mutants are: ${Object.keys(mutations).join("; ")}`);
const chosen = cases.filter(({ fault }) => values.only.some((words) => fault.name.includes(words)));
if (chosen.length === 0)
  throw new Error(`no fault has this in its name: ${values.only.join("; ")}; the faults are:
${cases.map(({ fault }) => `  ${fault.name}`).join("\n")}`);

await ensurePackages(["redis-server", "rabbitmq-server", "faketime", "e2fsprogs"]);
await using folder = await temporaryFolder("moustash-faults-build-");
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const faults = await runCampaign({
  file: await buildTools(folder.path, mutation),
  length: values.short ? "short" : "long",
  kills: Number(values.kills ?? (values.short ? 20 : 1000)),
  cases: chosen,
  seed,
  say: (line) => void process.stderr.write(`${line}\n`),
});
const totals = { ...sumOf(faults), kills: faults.reduce((total, { kills = 0 }) => total + kills, 0) };
if (values.json) process.stdout.write(`${JSON.stringify({ seed, ...totals, faults })}\n`);
else process.stdout.write(`in all: ${JSON.stringify(totals)} (seed ${seed})\n`);
if (totals.lost > 0 || totals.disordered > 0) process.exitCode = 1;
