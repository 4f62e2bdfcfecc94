// Plays rounds of faults on real servers and adds up what became of the accepted events.
import { type Ground, durable, mountSmall, openGround } from "./ground.ts";
import { type Fault, type Outcome, faults } from "./faults.ts";
import { type Tally, tally } from "./tally.ts";
import { whyNoDisk } from "../servers/panpan.ts";
import { temporaryFolder } from "../servers/server.ts";

export interface FaultReport extends Tally {
  readonly fault: string;
  /** What the broker promised in these rounds. */
  readonly broker: string;
  readonly rounds: number;
  readonly kills?: number;
  /** Why it was left out. */
  readonly skipped?: string;
}

export interface CampaignOptions {
  /** The bundle under test. */
  readonly file: string;
  readonly length: "short" | "long";
  /** Kills of our own process, in all rounds of each fault that kills. */
  readonly kills: number;
  /** Only faults whose name holds this. */
  readonly only?: string;
  readonly seed?: number;
  readonly say?: (line: string) => void;
}

const nothing: Tally = { accepted: 0, delivered: 0, duplicated: 0, lost: 0, destroyed: 0, disordered: 0 };

export async function runCampaign(options: CampaignOptions): Promise<FaultReport[]> {
  const reports: FaultReport[] = [];
  const random = dice(options.seed ?? Date.now());
  for (const fault of faults.filter(({ name }) => name.includes(options.only ?? ""))) {
    const report = await playFault(fault, options, random);
    options.say?.(describe(report));
    reports.push(report);
  }
  return reports;
}

async function playFault(fault: Fault, options: CampaignOptions, random: () => number): Promise<FaultReport> {
  const rounds = fault.rounds[options.length === "short" ? 0 : 1];
  const broker = `redis, ${fault.broker ?? "appendfsync always"}`;
  const base = { fault: fault.name, broker, rounds };
  const noDisk = await whyNoDisk();
  if (!fault.disk && noDisk) return { ...base, ...nothing, rounds: 0, skipped: noDisk };
  if (fault.disk && process.getuid!() !== 0)
    return { ...base, ...nothing, rounds: 0, skipped: "mounting a file system needs root" };
  const sum = { ...nothing } as Record<keyof Tally, number>;
  let kills = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { counts, killed } = await playRound(fault, options, random, Math.ceil(options.kills / rounds));
    for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += counts[name];
    kills += killed;
  }
  return { ...base, ...sum, ...(kills > 0 && { kills }) };
}

async function playRound(fault: Fault, { file }: CampaignOptions, random: () => number, kills: number) {
  await using folder = await temporaryFolder("moustash-faults-disk-");
  await using disk = fault.disk ? await mountSmall(folder.path, fault.disk) : undefined;
  await using ground = await openGround({
    file,
    redis: durable,
    ...(disk && { spool: `${disk.place}/spool` }),
    ...(fault.env && { env: fault.env }),
  });
  const outcome: Outcome = (await fault.run(ground, { random, kills, disk })) ?? {};
  ground.link.set("open");
  await ground.flushAll(outcome.spool);
  return { counts: tally(ground.told.accepted, await ground.bodies(), outcome), killed: outcome.kills ?? 0 };
}

/** Numbers that a seed gives again. Source: mulberry32, Tommy Ettinger, public domain. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function describe({ fault, broker, skipped, ...counts }: FaultReport): string {
  if (skipped) return `${fault}: left out, ${skipped}`;
  const numbers = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return `${fault} (${broker}): ${numbers.join(", ")}`;
}

export type { Ground };
