// The faults: what is broken, and how, while the tools are at work.
import { once } from "node:events";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { flush, panpanLines, playSupervisord, startTool } from "./clients.ts";
import { type Ground, type SmallDisk, command } from "./ground.ts";
import type { LinkMode } from "./link.ts";

export interface Fault {
  readonly name: string;
  /** What the broker promises in these rounds; "appendfsync always" where left out. */
  readonly broker?: string;
  /** Of a short and of a long campaign. */
  readonly rounds: readonly [number, number];
  /** The spool lies on a small file system of its own. */
  readonly disk?: { readonly kilobytes: number; readonly options?: string };
  readonly env?: Readonly<Record<string, string>>;
  run(ground: Ground, round: Round): Promise<Outcome | void>;
}

export interface Round {
  readonly random: () => number;
  /** How many kills this round is asked for. */
  readonly kills: number;
  readonly disk: SmallDisk | undefined;
}

export interface Outcome {
  readonly kills?: number;
  /** What the broker acknowledged and forgot. */
  readonly forgotten?: readonly string[];
  /** Marks of events that the fault itself destroyed. */
  readonly mayDestroy?: ReadonlySet<string>;
  /** The spool that is flushed at the end, where it is another. */
  readonly spool?: string;
}

/** A while in which the tools get something done. */
const aWhile = (random: () => number) => delay(200 + random() * 600);

/** Something that begins, lasts and ends, under load. */
const passing =
  (begin: (ground: Ground) => unknown, end: (ground: Ground) => unknown, lastsMs = 1000) =>
  (ground: Ground, { random }: Round) =>
    ground.underLoad(async () => {
      await aWhile(random);
      await begin(ground);
      await delay(lastsMs * (0.5 + random()));
      await end(ground);
      await aWhile(random);
    });

const config = (name: string, value: string) => (ground: Ground) =>
  ground.redis.command("CONFIG", "SET", name, value);
const kickClients = (ground: Ground) =>
  ground.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");

async function changePassword(ground: Ground) {
  const next = `secret-${Math.random().toString(36).slice(2)}`;
  await ground.redis.command("CONFIG", "SET", "requirepass", next);
  await kickClients(ground);
  return next;
}

export const faults: readonly Fault[] = [
  {
    name: "redis is killed and restarted",
    rounds: [1, 10],
    run: passing(
      ({ redis }) => redis.kill(),
      ({ redis }) => redis.start(),
    ),
  },
  {
    name: "redis is stopped and resumed",
    rounds: [1, 6],
    run: passing(
      ({ redis }) => redis.stop(),
      ({ redis }) => redis.resume(),
    ),
  },
  {
    name: "redis is stopped for longer than a send may take, and resumed",
    rounds: [1, 3],
    run: passing(
      ({ redis }) => redis.stop(),
      ({ redis }) => redis.resume(),
      7000,
    ),
  },
  {
    name: "the network is cut and mended",
    rounds: [1, 10],
    run: passing(
      ({ link }) => link.set("cut"),
      ({ link }) => link.set("open"),
    ),
  },
  {
    name: "the network swallows for longer than a send may take, and is mended",
    rounds: [1, 3],
    run: passing(
      ({ link }) => link.set("silent"),
      ({ link }) => link.set("open"),
      7000,
    ),
  },
  {
    name: "redis is out of memory",
    rounds: [1, 5],
    run: passing(config("maxmemory", "1"), config("maxmemory", "0")),
  },
  {
    name: "redis is a read-only replica for a while",
    rounds: [1, 5],
    run: passing(
      ({ redis }) => redis.command("REPLICAOF", "127.0.0.1", 1),
      ({ redis }) => redis.command("REPLICAOF", "NO", "ONE"),
    ),
  },
  {
    name: "the password is changed, and its file a little later",
    rounds: [1, 5],
    env: { MOUSTASH_REDIS_PASSWORD_FILE: "%FOLDER%/password" },
    run: (ground, { random }) =>
      ground.underLoad(async ({ supervisord }) => {
        await aWhile(random);
        const daemon = supervisord.running();
        const next = await changePassword(ground);
        await aWhile(random);
        await writeFile(ground.passwordFile, next);
        await aWhile(random);
        await delay(1000);
        if (supervisord.running() !== daemon) throw new Error("fouet ended because of the password");
      }),
  },
  {
    name: "redis is restarted empty-handed",
    broker: "none: a witness noted what it acknowledged",
    rounds: [1, 5],
    async run(ground, { random }) {
      const { redis, link } = ground;
      await passing(
        async () => {
          await redis.kill();
          for (const name of await readdir(redis.folder))
            if (name !== "redis.conf") await rm(join(redis.folder, name), { recursive: true });
        },
        () => redis.start(),
      )(ground, { random, kills: 0, disk: undefined });
      return { forgotten: link.acknowledged };
    },
  },
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
    name: "the power is cut",
    broker: "appendfsync always; the spool's disk loses what was not synchronised",
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
    run: (ground, round) =>
      damage(ground, async (file) => {
        const bytes = await readFile(file);
        await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * (0.2 + 0.7 * round.random()))));
      }),
  },
  {
    name: "a bit of the spool's file flips",
    rounds: [3, 30],
    run: (ground, round) =>
      damage(ground, async (file) => {
        const bytes = await readFile(file);
        const at = Math.floor(bytes.length * round.random());
        bytes[at]! ^= 1 << Math.floor(8 * round.random());
        await writeFile(file, bytes);
      }),
  },
  {
    name: "two drainers, one of them stopped",
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
async function killRandomly(ground: Ground, { random, kills }: Round): Promise<Outcome> {
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

/** What is told while nothing can be written must not be of what waits to be written. Source: fsfreeze(8). */
async function freezeDisk({ link, tools, told }: Ground, { random, disk }: Round): Promise<Outcome> {
  link.set("cut");
  const supervisord = playSupervisord(tools, told);
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
  await supervisord.end();
  return { kills: 1 };
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

/** Makes the spool one of the first version, and kills those who upgrade it. */
async function killInUpgrade(ground: Ground, { random, kills }: Round): Promise<Outcome> {
  const { link, tools, told } = ground;
  link.set("cut");
  for (let part = 0; part < 4; part += 1) await panpanLines(tools, told, 2000);
  for (const file of await databases(ground.spool)) {
    const database = new DatabaseSync(file);
    database.exec("drop table meter; pragma user_version = 1");
    database.close();
  }
  let killed = 0;
  while (killed < kills) {
    killed += 1;
    await flush(tools, { killAfterMs: 40 + random() * 120 });
  }
  link.set("open");
  return { kills: killed };
}

async function databases(spool: string): Promise<string[]> {
  const names = await readdir(spool, { recursive: true });
  return names.filter((name) => name.endsWith("spool.sqlite")).map((name) => join(spool, name));
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

/** Spools, damages the file while nobody uses it, and finds out what the damage itself destroyed. */
async function damage(ground: Ground, harm: (file: string) => Promise<void>): Promise<Outcome> {
  const { link, tools, told } = ground;
  link.set("cut");
  for (let part = 0; part < 3; part += 1) await panpanLines(tools, told, 300);
  const [file] = await databases(ground.spool);
  const before = await readFile(file!);
  await harm(file!);
  const after = await readFile(file!);
  link.set("open");
  const mayDestroy = new Set([...told.accepted].filter((mark) => !isWhole(mark, before, after)));
  return { mayDestroy };
}

/** Whether the bytes around an event's mark, a row's worth, are what they were. */
function isWhole(mark: string, before: Buffer, after: Buffer): boolean {
  const at = before.indexOf(mark);
  const [from, to] = [Math.max(0, at - 700), at + 700];
  return to <= after.length && before.subarray(from, to).equals(after.subarray(from, to));
}

async function twoDrainers(ground: Ground, { random }: Round): Promise<void> {
  const { link, tools, told } = ground;
  link.set("cut");
  for (let part = 0; part < 3; part += 1) await panpanLines(tools, told, 3000);
  link.set("open");
  const drainers = [
    startTool(tools, ["panpan", "--flush"], { input: "" }),
    startTool(tools, ["panpan", "--flush"], { input: "" }),
  ];
  await delay(100 + random() * 200);
  drainers[0]!.child.kill("SIGSTOP");
  await panpanLines(tools, told, 100);
  await delay(500 + random() * 500);
  drainers[0]!.child.kill("SIGCONT");
  await Promise.all(drainers.map(({ ended }) => ended));
}
