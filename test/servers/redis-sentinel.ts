// A real master with two replicas, and three Sentinels that watch it.
import { type RedisServer, startRedis } from "./redis.ts";
import { eventually } from "./server.ts";

export interface SentinelSetUp extends AsyncDisposable {
  readonly name: string;
  readonly sentinels: readonly RedisServer[];
  readonly servers: readonly RedisServer[];
  /** The master as the Sentinels name it. */
  master(): Promise<RedisServer>;
  /** The master that is another, once every Sentinel has announced it. */
  switchedFrom(old: RedisServer): Promise<RedisServer>;
}

export async function startSentinels(): Promise<SentinelSetUp> {
  const name = "mymaster";
  const config = ["repl-diskless-sync-delay 0", "repl-ping-replica-period 1"];
  const first = await startRedis({ config });
  const replicas = await Promise.all(
    [1, 2].map(() => startRedis({ config: [...config, `replicaof 127.0.0.1 ${first.port}`] })),
  );
  const servers = [first, ...replicas];
  await eventually(
    async () => String(await first.command("INFO", "replication")).match(/state=online/g)?.length === 2,
    { what: "two replicas in step" },
  );
  const watch = [
    `sentinel monitor ${name} 127.0.0.1 ${first.port} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => startRedis({ args: ["--sentinel"], config: watch })),
  );
  /** What a Sentinel itself holds true; its answer for clients is ahead of what it announces. */
  async function fieldOf(sentinel: RedisServer, field: string): Promise<string> {
    const fields = (await sentinel.command("SENTINEL", "MASTER", name)) as string[];
    return fields[fields.indexOf(field) + 1]!;
  }

  await eventually(
    async () => {
      const seen = await Promise.all(
        sentinels.map(
          async (sentinel) =>
            (await fieldOf(sentinel, "num-other-sentinels")) === "2" &&
            (await fieldOf(sentinel, "num-slaves")) === "2",
        ),
      );
      return seen.every(Boolean);
    },
    { what: "Sentinels that know each other and the replicas" },
  );
  return {
    name,
    sentinels,
    servers,
    async master() {
      const [, port] = (await sentinels[0]!.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)) as string[];
      return servers.find((server) => server.port === Number(port))!;
    },
    switchedFrom: (old) =>
      eventually(
        async () => {
          const ports = await Promise.all(sentinels.map((sentinel) => fieldOf(sentinel, "port")));
          if (ports.some((port) => port !== ports[0] || Number(port) === old.port)) return undefined;
          return servers.find(({ port }) => port === Number(ports[0]));
        },
        { what: "another master" },
      ),
    async [Symbol.asyncDispose]() {
      await Promise.all([...sentinels, ...servers].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}
