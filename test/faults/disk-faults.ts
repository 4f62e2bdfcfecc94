// What can befall the spool's disk and its files.
import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { flush, panpanLines, playSupervisord } from "./clients.ts";
import { command } from "./disk.ts";
import { type Fault, type Outcome, type Round, aWhile } from "./fault.ts";
import type { Ground } from "./ground.ts";
import { bytesOf, databases, isWhole, logOf } from "./spool-files.ts";

export const diskFaults: readonly Fault[] = [
  {
    name: "the power is cut",
    promise: "redis, appendfsync always; the spool's disk loses what was not synchronised",
    rounds: [1, 10],
    disk: { kilobytes: 32_768, options: "loop,commit=60" },
    run: cutPower,
  },
  {
    name: "the spool's disk is full",
    rounds: [1, 5],
    disk: { kilobytes: 3000 },
    async run(ground, { random }) {
      ground.link.set("cut");
      await ground.underLoad(async () => {
        for (let code: number | null = 0; code === 0;)
          code = await panpanLines(ground.tools, ground.told, 500);
        await aWhile(random);
        ground.link.set("open");
        await aWhile(random);
      });
    },
  },
  {
    name: "the spool's disk stands still, and our process is killed over it",
    rounds: [1, 10],
    disk: { kilobytes: 32_768 },
    run: freezeDisk,
  },
  {
    name: "the spool's disk turns read-only",
    rounds: [1, 5],
    disk: { kilobytes: 32_768 },
    async run({ link, tools, told }, { disk }) {
      link.set("cut");
      await panpanLines(tools, told, 50);
      await disk!.remount("ro");
      const code = await panpanLines(tools, told, 50);
      if (code === 0) throw new Error("panpan accepted on a read-only disk");
      await disk!.remount("rw");
      await panpanLines(tools, told, 50);
      await disk!.remount("ro");
      link.set("open");
      // Delivered, though it cannot be removed: it may come again.
      await flush(tools);
      await disk!.remount("rw");
    },
  },
  {
    name: "the spool's file is cut short",
    rounds: [2, 10],
    run: (ground, round) => damage(ground, round, spoolAtRest, (file) => cutShort(file, round)),
  },
  {
    name: "a bit of the spool's file flips",
    rounds: [3, 30],
    run: (ground, round) => damage(ground, round, spoolAtRest, (file) => flipBit(file, round)),
  },
  {
    name: "the spool's log is cut short",
    rounds: [1, 10],
    run: (ground, round) => damage(ground, round, spoolWithLog, (file) => cutShort(logOf(file), round)),
  },
  {
    name: "a bit of the spool's log flips",
    rounds: [2, 30],
    run: (ground, round) => damage(ground, round, spoolWithLog, (file) => flipBit(logOf(file), round)),
  },
];

/** What is told while nothing can be written must not be of what waits to be written. Source: fsfreeze(8). */
async function freezeDisk({ link, tools, told }: Ground, { random, disk }: Round): Promise<Outcome> {
  link.set("cut");
  const supervisord = playSupervisord(tools, told);
  try {
    await supervisord.answers(1 + Math.floor(random() * 20));
    await command("fsfreeze", ["--freeze", disk!.place]);
    let killed: Promise<void>;
    try {
      await delay(500 + random() * 500);
      killed = supervisord.kill();
    } finally {
      await command("fsfreeze", ["--unfreeze", disk!.place]);
    }
    await killed;
    await supervisord.answers(1);
  } finally {
    await supervisord.end();
  }
  return { kills: 1 };
}

/** Ends Fouet, as a power cut would, and goes on with what had reached the disk. */
async function cutPower(ground: Ground, { random, disk }: Round): Promise<Outcome> {
  const { link, tools, told, folder } = ground;
  link.set("cut");
  await panpanLines(tools, told, 20);
  const supervisord = playSupervisord(tools, told);
  await once(supervisord.running().child.stdout!, "data");
  await delay(300 + random() * 1000);
  const survived = new Set(told.accepted);
  const image = join(folder, "after.img");
  await command("cp", ["--sparse=always", disk!.image, image]);
  const after = join(folder, "after");
  await mkdir(after);
  await supervisord.kill();
  await supervisord.end();
  // Told after the copy began: of another world.
  told.accepted.clear();
  for (const mark of survived) told.accepted.add(mark);
  await command("mount", ["-o", "loop", image, after]);
  const saved = join(folder, "saved");
  try {
    await cp(join(after, "spool"), saved, { recursive: true });
  } finally {
    await command("umount", [after]);
  }
  link.set("open");
  return { spool: saved };
}

/** A spool that nobody uses, all of it in its file. */
async function spoolAtRest({ tools, told }: Ground): Promise<void> {
  for (let part = 0; part < 3; part += 1) await panpanLines(tools, told, 300);
}

/** A spool whose user died: the last of it is in the log. */
async function spoolWithLog({ tools, told }: Ground, { random }: Round): Promise<void> {
  await panpanLines(tools, told, 100);
  const supervisord = playSupervisord(tools, told);
  await supervisord.answers(1 + Math.floor(random() * 200));
  await panpanLines(tools, told, 100);
  await supervisord.answers(1 + Math.floor(random() * 20));
  await supervisord.end("SIGKILL");
}

/** Spools, damages a file while nobody uses it, and finds out what the damage itself destroyed. */
async function damage(
  ground: Ground,
  round: Round,
  spool: (ground: Ground, round: Round) => Promise<void>,
  harm: (database: string) => Promise<void>,
): Promise<Outcome> {
  const { link, told } = ground;
  link.set("cut");
  await spool(ground, round);
  const [file] = await databases(ground.spool);
  const before = await bytesOf(file!);
  await harm(file!);
  const after = await bytesOf(file!);
  link.set("open");
  const mayDestroy = new Set([...told.accepted].filter((mark) => !isWhole(mark, before, after)));
  return { mayDestroy };
}

async function cutShort(file: string, { random }: Round): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * (0.2 + 0.7 * random()))));
}

async function flipBit(file: string, { random }: Round): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length * random());
  bytes[at]! ^= 1 << Math.floor(8 * random());
  await writeFile(file, bytes);
}
