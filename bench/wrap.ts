// `panpan --run -- true`: how much later its caller hears of the command's end, and the whole, beside Python's subprocess.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startRedis } from "../test/servers/redis.ts";
import type { Benchmark } from "./benchmark.ts";
import { mustHaveAll } from "./delivered.ts";
import { inTurns } from "./measure.ts";
import { compile, peer, python } from "./peers.ts";
import { time } from "./stopwatch.ts";

export const wrap: Benchmark = {
  name: "wrap",
  work: "`panpan --run -- true`, the event in Redis",
  rounds: 25,
  bars: [
    { of: "panpan", to: "node -e 0", atMost: 2.3 },
    { of: "panpan after the command", to: "node -e 0", atMost: 1 },
  ],
  async run({ moustash, rounds }) {
    await using redis = await startRedis();
    const { folder } = moustash;
    const port = String(redis.port);
    const moment = await compile("moment", folder);
    const file = join(folder, "moment.ended");
    // Its caller reads a pipe, as cron does.
    const panpan = moustash.command("panpan", "--redis-port", port, "--on", "always", "--run", "--");
    const warmUps = 2;
    const figures = await inTurns({
      rounds,
      warmUps,
      units: {
        panpan: "ms",
        "panpan after the command": "ms",
        "node -e 0": "ms",
        python: "ms",
        "python after the command": "ms",
        true: "ms",
      },
      contenders: [
        async () => ({
          panpan: (await time([...panpan, "true"], { folder, env: moustash.env })).seconds * 1000,
        }),
        async () => ({
          "panpan after the command": await after([...panpan, moment, file]),
        }),
        async () => ({ "node -e 0": (await time([process.execPath, "-e", "0"], { folder })).seconds * 1000 }),
        async () => ({ python: (await time([...pythonWords(port), "true"], { folder })).seconds * 1000 }),
        async () => ({ "python after the command": await after([...pythonWords(port), moment, file]) }),
        async () => ({ true: (await time(["true"], { folder })).seconds * 1000 }),
      ],
    });
    await mustHaveAll(redis, moustash, 2 * (rounds + warmUps));
    return figures;

    /** Milliseconds from the end of the command to that of who wraps it. */
    async function after(words: readonly [string, ...string[]]): Promise<number> {
      const { endedNs } = await time(words, { folder, env: moustash.env });
      return Number(endedNs - BigInt((await readFile(file, "utf8")).trim())) / 1e6;
    }
  },
};

const pythonWords = (port: string): [string, ...string[]] => [
  python,
  peer("oneshot.py"),
  port,
  "python",
  "run",
];
