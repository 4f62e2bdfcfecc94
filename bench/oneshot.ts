// `panpan hello` from exec to exit, its event in Redis, beside Node alone, a Python program and redis-cli.
import { startRedis } from "../test/servers/redis.ts";
import type { Benchmark } from "./benchmark.ts";
import { mustHaveAll } from "./delivered.ts";
import { inTurns } from "./measure.ts";
import { peer, python } from "./peers.ts";
import { time } from "./stopwatch.ts";

export const oneshot: Benchmark = {
  name: "oneshot",
  work: "`panpan hello` from exec to exit, the event in Redis",
  rounds: 25,
  bars: [
    { of: "panpan", to: "node -e 0", atMost: 2 },
    { of: "panpan", to: "python", atMost: 0.4 },
  ],
  async run({ moustash, rounds }) {
    await using redis = await startRedis();
    const { folder } = moustash;
    const port = String(redis.port);
    const timed = (name: string, words: readonly [string, ...string[]], env = moustash.env) => {
      return async () => {
        const { seconds, cpuSeconds } = await time(words, { folder, env });
        return { [name]: seconds * 1000, [`${name}, CPU`]: cpuSeconds * 1000 };
      };
    };
    const warmUps = 2;
    const figures = await inTurns({
      rounds,
      warmUps,
      units: Object.fromEntries(
        ["panpan", "node -e 0", "python", "redis-cli"].flatMap((name) => [
          [name, "ms"],
          [`${name}, CPU`, "ms"],
        ]),
      ),
      contenders: [
        timed("panpan", moustash.command("panpan", "hello", "--redis-port", port)),
        timed("node -e 0", [process.execPath, "-e", "0"]),
        timed("python", [python, peer("oneshot.py"), port, "python", "hello"]),
        timed("redis-cli", ["redis-cli", "-p", port, "rpush", "redis-cli", "hello"]),
      ],
    });
    await mustHaveAll(redis, moustash, rounds + warmUps);
    return figures;
  },
};
