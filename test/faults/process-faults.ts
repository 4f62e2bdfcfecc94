// What can befall our own processes: death at any moment, a word to end, a stop in the midst of draining, a wrong clock.
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../servers/server.ts";
import { flush, panpanLines, playSupervisord, startTool } from "./clients.ts";
import { command } from "./disk.ts";
import type { Fault, Outcome, Round } from "./fault.ts";
import type { Ground } from "./ground.ts";
import type { LinkMode } from "./link.ts";
import { databases } from "./spool-files.ts";

export const processFaults: readonly Fault[] = [
  {
    name: "our process is killed while it accepts, spools and drains",
    rounds: [1, 10],
    run: killRandomly,
  },
  {
    name: "our process is told to end, once or twice",
    rounds: [1, 6],
    env: { MOUSTASH_DRAIN_TIMEOUT: "1s" },
    run: tellToEnd,
  },
  {
    name: "our process is killed while it upgrades the spool",
    rounds: [1, 5],
    run: killInUpgrade,
  },
  {
    name: "two drainers at once, and one of them stopped in the midst",
    rounds: [1, 6],
    run: twoDrainers,
  },
  {
    name: "the clock is set back an hour",
    rounds: [1, 3],
    async run(ground) {
      ground.link.set("cut");
      await panpanLines(ground.tools, ground.told, 50);
      const back = await fakeTime("-1h");
      await panpanLines(ground.tools, ground.told, 50, { env: back });
      ground.link.set("open");
      const late = startTool(ground.tools, ["panpan", "--flush"], { input: "", env: back });
      await late.ended;
      await panpanLines(ground.tools, ground.told, 50, { env: back });
      await panpanLines(ground.tools, ground.told, 50);
    },
  },
];

async function fakeTime(offset: string): Promise<Record<string, string>> {
  const { stdout } = await command("faketime", ["-m", "-f", offset, "printenv", "LD_PRELOAD"]);
  return { LD_PRELOAD: stdout.trim(), FAKETIME: offset, DONT_FAKE_MONOTONIC: "1" };
}

/** Kills whatever runs, again and again, while the network comes and goes. */
export async function killRandomly(
  ground: Ground,
  { random, kills }: Pick<Round, "random" | "kills">,
): Promise<Outcome> {
  const { link, tools, told } = ground;
  const modes: LinkMode[] = ["open", "open", "cut", "silent"];
  let killed = 0;
  /** Whether one more is to be killed, which it then is. */
  const another = () => killed < kills && (killed += 1) > 0;
  const supervisord = playSupervisord(tools, told);
  // How long things take here and now: kills are to fall into them.
  const began = performance.now();
  await panpanLines(tools, told, 200);
  const usualMs = performance.now() - began;
  const soon = () => usualMs * (0.2 + 1.2 * random());
  const one = async () => {
    while (another()) await panpanLines(tools, told, 1 + Math.floor(random() * 400), { killAfterMs: soon() });
  };
  const two = async () => {
    while (another()) {
      if (random() < 0.3) await delay(soon()).then(() => supervisord.kill());
      else await supervisord.killAtAnswer(1 + Math.floor(random() * 60), usualMs * 10);
    }
  };
  const three = async () => {
    while (another()) await flush(tools, { killAfterMs: soon() });
  };
  const weather = async () => {
    for (let over = false; !over; over = killed >= kills) {
      link.set(modes[Math.floor(random() * modes.length)]!);
      await delay(300 + random() * 700);
    }
    link.set("open");
  };
  await Promise.all([one(), two(), three(), weather()]);
  await delay(300);
  await supervisord.end();
  return { kills: killed };
}

/** SIGTERM, and in every second case another: with the broker there, or away. */
async function tellToEnd({ link, tools, told }: Ground, { random }: Round): Promise<void> {
  for (const [mode, twice] of [
    ["open", false],
    ["cut", false],
    ["silent", false],
    ["cut", true],
    ["silent", true],
  ] as const) {
    link.set("open");
    const supervisord = playSupervisord(tools, told);
    await supervisord.answers(1 + Math.floor(random() * 30));
    link.set(mode);
    await supervisord.answers(1 + Math.floor(random() * 30));
    const { child } = supervisord.running();
    const end = supervisord.end();
    if (twice) await delay(random() * 200).then(() => child.kill("SIGTERM"));
    const code = await end;
    if (code !== 0 && !(twice && code === 128 + 15)) throw new Error(`fouet ended with ${code}`);
  }
}

/**
 * Makes the spool one of the first version, and kills those who upgrade it: sooner where the last one had finished,
 * later where it had not, so that the kills fall around the upgrade.
 */
async function killInUpgrade(ground: Ground, { random, kills }: Round): Promise<Outcome> {
  const { link, tools, told } = ground;
  link.set("cut");
  for (let part = 0; part < 4; part += 1) await panpanLines(tools, told, 2000);
  const [file] = await databases(ground.spool);
  let aboutMs = 100;
  for (let killed = 0; killed < kills; killed += 1) {
    const upgraded = downgrade(file!);
    aboutMs = Math.max(20, aboutMs + (upgraded ? -4 : 4));
    await flush(tools, { killAfterMs: aboutMs + random() * 20 });
  }
  link.set("open");
  return { kills };
}

/** Whether there was anything to take back. */
function downgrade(file: string): boolean {
  const database = new DatabaseSync(file);
  try {
    if (database.prepare("pragma user_version").get()!["user_version"] === 1) return false;
    database.exec("begin; drop table meter; pragma user_version = 1; commit");
    return true;
  } finally {
    database.close();
  }
}

/**
 * Two at once; then two of which one is stopped while what it sent is on its way: it keeps its right, the other waits,
 * and events are accepted meanwhile.
 */
async function twoDrainers({ link, tools, told }: Ground, { random }: Round): Promise<void> {
  const flushing = () => startTool(tools, ["panpan", "--flush"], { input: "" });
  const spoolMany = async () => {
    link.set("cut");
    for (let part = 0; part < 3; part += 1) await panpanLines(tools, told, 3000);
  };
  await spoolMany();
  link.set("open");
  await Promise.all([flushing().ended, flushing().ended]);

  await spoolMany();
  link.set("silent");
  const first = flushing();
  await eventually(() => link.waiting() > 0, { what: "a batch under way" });
  first.child.kill("SIGSTOP");
  const second = flushing();
  link.set("open");
  await panpanLines(tools, told, 100);
  await delay(500 + random() * 500);
  if (random() < 0.5) await first.kill();
  else first.child.kill("SIGCONT");
  await Promise.all([first, second].map(({ ended }) => ended));
}
