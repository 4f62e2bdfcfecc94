// Ship against an executable model of the promise: random commands, shrunk to the shortest story that breaks it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, mock, test } from "node:test";
import * as fc from "fast-check";
import type { Batch, EnvelopeClass, Source } from "../../src/envelope.ts";
import { openMemorySpool } from "../../src/spool/memory.ts";
import { openSqliteSpool } from "../../src/spool/sqlite.ts";
import { type BrokerMode, type DiskMode, type WorldOptions, createWorld } from "../model/world.ts";

type World = ReturnType<typeof createWorld>;
interface Command {
  readonly is: string;
  run(world: World): Promise<void> | void;
}

const living = (world: World) => world.processes.filter(({ alive }) => alive);

const send = (which: number, count: number, kind: EnvelopeClass, poisoned: boolean): Command => ({
  is: `process ${which} sends ${count} ${kind}${poisoned ? ", poisoned" : ""}`,
  run(world) {
    const processes = living(world);
    const process = processes[which % processes.length];
    if (!process) return;
    const batch = Array.from({ length: count }, () => process.make(kind));
    if (poisoned) world.poison.add(batch[0]!.id);
    process.push(...batch);
  },
});
const kill = (which: number): Command => ({
  is: `process ${which} is killed`,
  run(world) {
    const processes = living(world);
    processes[which % processes.length]?.kill();
  },
});
const start: Command = {
  is: "a process starts",
  run(world) {
    if (living(world).length < 3) world.start();
  },
};
const broker = (mode: BrokerMode): Command => ({
  is: `the broker is ${mode}`,
  run: (world) => world.setBroker(mode),
});
const disk = (mode: DiskMode): Command => ({
  is: `the disk is ${mode}`,
  run: (world) => world.setDisk(mode),
});
const pass = (ms: number): Command => ({ is: `${ms} ms pass`, run: (world) => world.pass(ms) });

const which = fc.nat(2);
const commands = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          which,
          fc.integer({ min: 1, max: 4 }),
          fc.constantFrom("change", "change", "repeat"),
          fc.nat(9),
        )
        .map(([process, count, kind, dice]) => send(process, count, kind as EnvelopeClass, dice === 0)),
    },
    { weight: 5, arbitrary: fc.constantFrom(1, 3, 20, 60, 100, 500, 1500).map(pass) },
    { weight: 3, arbitrary: fc.constantFrom<BrokerMode>("up", "down", "hangs", "forgetful").map(broker) },
    { weight: 1, arbitrary: fc.constantFrom<DiskMode>("quick", "slow", "broken").map(disk) },
    { weight: 1, arbitrary: which.map(kill) },
    { weight: 1, arbitrary: fc.constant(start) },
  ),
  { minLength: 1, maxLength: 40, size: "max" },
);

async function play(options: WorldOptions, story: readonly Command[]) {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await using world = createWorld(options);
    world.start();
    for (const command of story) {
      await command.run(world);
      await world.pass(1);
      world.check();
    }
    world.setBroker("up");
    world.setDisk("quick");
    if (living(world).length === 0) world.start();
    await world.pass(15_000);
    world.check();
    world.checkDelivered();
    const ends = living(world).map((process) => process.stop());
    await world.pass(4000);
    for (const end of await Promise.all(ends)) assert.deepEqual(end, { unaccepted: 0, pending: false });
  } finally {
    mock.timers.reset();
  }
}

const root = mkdtempSync(join(tmpdir(), "moustash-model-"));
after(() => rmSync(root, { recursive: true }));

/** How many stories; a disk is slower than memory. */
const runs = Number(process.env["MOUSTASH_MODEL_RUNS"] ?? 60);

const kinds: Record<string, WorldOptions & { readonly numRuns: number }> = {
  "a model of a disk": { durable: true, open: () => openMemorySpool({ mostBytes: 2 ** 20 }), numRuns: runs },
  "a small disk": { durable: true, open: () => openMemorySpool({ mostBytes: 6000 }), numRuns: runs },
  memory: { durable: false, open: () => openMemorySpool({ mostBytes: 2 ** 20 }), numRuns: runs },
  SQLite: {
    durable: true,
    open: () => openSqliteSpool({ directory: mkdtempSync(join(root, "s-")), mostBytes: 2 ** 20 }),
    numRuns: runs / 4,
  },
  "a disk, through a source that prefetches": {
    durable: true,
    open: () => openMemorySpool({ mostBytes: 2 ** 20 }),
    between: (source) => Readable.from(source, { objectMode: true, highWaterMark: 8 }) as Source,
    numRuns: runs / 2,
  },
  "a disk, through sources that are merged": {
    durable: true,
    open: () => openMemorySpool({ mostBytes: 2 ** 20 }),
    between: (source) => merge(source, silence()),
    numRuns: runs / 2,
  },
};

// oxlint-disable-next-line eslint/require-yield
async function* silence(): AsyncGenerator<Batch> {}

/** Asks each for its next batch as soon as it gave one, before that is accepted. */
async function* merge(...sources: readonly Source[]): AsyncGenerator<Batch> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const ask = async (index: number) => ({ index, result: await iterators[index]!.next() });
  const asked = new Map(iterators.map((_, index) => [index, ask(index)]));
  while (asked.size > 0) {
    const { index, result } = await Promise.race(asked.values());
    if (result.done) asked.delete(index);
    else {
      asked.set(index, ask(index));
      yield result.value;
    }
  }
}
for (const [name, { numRuns, ...options }] of Object.entries(kinds)) {
  test(`whatever happens, ship keeps its promise over ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (story) => {
        await play(options, story);
      }),
      {
        numRuns,
        interruptAfterTimeLimit: 600_000,
        reporter(details) {
          if (!details.failed) return;
          const story = details.counterexample?.[0].map(({ is }) => `  ${is}`).join("\n");
          throw new Error(
            `${details.errorInstance instanceof Error ? details.errorInstance.message : "interrupted"}\n${story}\nseed ${details.seed}, path ${details.counterexamplePath}`,
            { cause: details.errorInstance },
          );
        },
      },
    );
  });
}
