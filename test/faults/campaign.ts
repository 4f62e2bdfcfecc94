// Plays rounds of faults on real servers and adds up what became of the accepted events.
import { whyNoDisk } from "../servers/panpan.ts";
import { temporaryFolder } from "../servers/server.ts";
import { type Servers, createServers } from "./brokers.ts";
import { mountSmall } from "./disk.ts";
import type { Case, Outcome } from "./fault.ts";
import { openGround } from "./ground.ts";
import { type Tally, sumOf, tally } from "./tally.ts";

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
  readonly cases: readonly Case[];
  /** Its own, where none are given. */
  readonly servers?: Servers;
  readonly seed?: number;
  readonly say?: (line: string) => void;
}

export async function runCampaign(options: CampaignOptions): Promise<FaultReport[]> {
  const reports: FaultReport[] = [];
  const random = dice(options.seed ?? Date.now());
  await using own = options.servers ? undefined : createServers();
  const servers = options.servers ?? own!;
  for (const one of options.cases) {
    const report = await playFault(one, servers, options, random);
    options.say?.(describe(report));
    reports.push(report);
  }
  return reports;
}

async function playFault(
  one: Case,
  servers: Servers,
  options: CampaignOptions,
  random: () => number,
): Promise<FaultReport> {
  const { fault, broker } = one;
  const rounds = fault.rounds[options.length === "short" ? 0 : 1];
  const base = { fault: fault.name, broker: fault.promise ?? broker.promise };
  const skipped = await whyNot(one);
  if (skipped) return { ...base, ...sumOf([]), rounds: 0, skipped };
  const tallies: Tally[] = [];
  let kills = 0;
  for (let round = 0; round < rounds; round += 1) {
    const asked = Math.ceil(options.kills / rounds);
    const { counts, killed } = await playRound(one, servers, options.file, { random, kills: asked });
    tallies.push(counts);
    kills += killed;
  }
  return { ...base, ...sumOf(tallies), rounds, ...(kills > 0 && { kills }) };
}

async function whyNot({ fault, broker }: Case): Promise<string | false> {
  if (broker.missing) return broker.missing;
  if (!fault.disk) return whyNoDisk();
  return process.getuid!() === 0 ? false : "mounting a file system needs root";
}

async function playRound(
  { fault, broker }: Case,
  servers: Servers,
  file: string,
  round: { random: () => number; kills: number },
) {
  await using folder = await temporaryFolder("moustash-faults-disk-");
  await using disk = fault.disk ? await mountSmall(folder.path, fault.disk) : undefined;
  await using open = await broker.open(servers, fault.config);
  await using ground = await openGround({
    file,
    broker: open,
    ...(disk && { spool: `${disk.place}/spool` }),
    ...(fault.env && { env: fault.env }),
  });
  const outcome: Outcome = (await fault.run(ground, { ...round, disk })) ?? {};
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
