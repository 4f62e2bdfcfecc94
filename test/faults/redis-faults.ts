// What can befall a Redis, the way to it, and our password for it.
import { createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { writeFile } from "node:fs/promises";
import type { RedisServer } from "../servers/redis.ts";
import { eventually } from "../servers/server.ts";
import { panpanLines, startTool } from "./clients.ts";
import { type Fault, aWhile, longMs, passing } from "./fault.ts";
import type { Ground } from "./ground.ts";

type OnRedis = Ground<RedisServer>;

const config = (name: string, value: string) => (ground: OnRedis) =>
  ground.server.command("CONFIG", "SET", name, value);
const kickClients = (ground: OnRedis) =>
  ground.server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");

async function changePassword(ground: OnRedis) {
  const next = `secret-${Math.random().toString(36).slice(2)}`;
  await ground.server.command("CONFIG", "SET", "requirepass", next);
  await kickClients(ground);
  return next;
}

export const redisFaults: readonly Fault<RedisServer>[] = [
  {
    name: "redis is killed and restarted",
    rounds: [1, 10],
    run: passing(
      ({ server }) => server.kill(),
      ({ server }) => server.start(),
    ),
  },
  {
    name: "redis is stopped and resumed",
    rounds: [1, 6],
    run: passing(
      ({ server }) => server.stop(),
      ({ server }) => server.resume(),
    ),
  },
  {
    name: "redis is stopped for longer than a send may take, and resumed",
    rounds: [1, 3],
    run: passing(
      ({ server }) => server.stop(),
      ({ server }) => server.resume(),
      longMs,
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
      longMs,
    ),
  },
  {
    name: "the network swallows while the spool has no room, and old connections are mended last",
    rounds: [1, 3],
    // Less than one repeat needs, as in a spool that is nearly full.
    env: { MOUSTASH_SPOOL_MAX_BYTES: "1KB" },
    run: swallowWithoutRoom,
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
      ({ server }) => server.command("REPLICAOF", "127.0.0.1", 1),
      ({ server }) => server.command("REPLICAOF", "NO", "ONE"),
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
    promise: "redis without persistence: nothing; a witness noted what it acknowledged",
    config: ["appendonly no"],
    rounds: [1, 5],
    async run(ground, { random }) {
      await passing<RedisServer>(
        ({ server }) => server.kill(),
        ({ server }) => server.start(),
      )(ground, { random });
      return { acknowledged: ground.link.acknowledged };
    },
  },
];

/**
 * What the spool has no room for is refused and told to be lost: it must not come after all, behind what was sent
 * meanwhile. It would, if the connection on which it is under way were left to itself when its time is over.
 */
async function swallowWithoutRoom(ground: OnRedis): Promise<void> {
  const { link, tools, told } = ground;
  await using target = await openTarget();
  const programs = Array.from({ length: 20 }, (_, index) => `p${index}: 127.0.0.1:${target.port}:here`);
  await panpanLines(tools, told, 50);
  const cuir = startTool(tools, ["cuir"], {
    env: { CUIR_PROBES: programs.join("\n"), CUIR_INTERVAL: "200ms", CUIR_EMIT: "all", CUIR_HTTP: "none" },
  });
  const count = async () => (await ground.bodies()).length;
  try {
    await eventually(async () => (await count()) > 150, { what: "repeats" });
    link.set("silent");
    await eventually(() => link.waiting() > 0, { what: "a batch under way" });
    await delay(4500);
    const before = await count();
    link.set("late");
    await eventually(async () => (await count()) > before, { what: "new events" });
    link.set("open");
    await delay(300);
    await panpanLines(tools, told, 50);
    cuir.child.kill("SIGTERM");
    const { code } = await cuir.ended;
    if (code !== 0) throw new Error(`cuir ended with ${code}: ${cuir.stderr()}`);
  } finally {
    cuir.child.kill("SIGKILL");
  }
}

/** Something that is there, for Cuir to say so again and again. */
async function openTarget() {
  const server = createServer((socket) => socket.on("error", () => {}).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
