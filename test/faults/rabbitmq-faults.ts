// What can befall a RabbitMQ, its queue, the way to it, and our password for it.
import { setTimeout as delay } from "node:timers/promises";
import { writeFile } from "node:fs/promises";
import type { RabbitmqGround } from "./brokers.ts";
import { type Fault, aWhile, longMs, passing } from "./fault.ts";
import type { Ground } from "./ground.ts";
import { killRandomly } from "./process-faults.ts";

type OnRabbitmq = Ground<RabbitmqGround>;

export const rabbitmqFaults: readonly Fault<RabbitmqGround>[] = [
  {
    name: "rabbitmq is killed and restarted",
    rounds: [1, 8],
    run: passing(
      ({ server: { server } }) => server.kill(),
      ({ server: { server } }) => server.start(),
    ),
  },
  {
    name: "rabbitmq is stopped and resumed",
    rounds: [1, 6],
    run: passing(
      ({ server: { server } }) => server.stop(),
      ({ server: { server } }) => server.resume(),
    ),
  },
  {
    name: "rabbitmq is stopped for longer than a send may take, and resumed",
    rounds: [1, 3],
    run: passing(
      ({ server: { server } }) => server.stop(),
      ({ server: { server } }) => server.resume(),
      longMs,
    ),
  },
  {
    name: "the network to rabbitmq is cut and mended",
    rounds: [1, 10],
    run: passing(
      ({ link }) => link.set("cut"),
      ({ link }) => link.set("open"),
    ),
  },
  {
    name: "the network to rabbitmq swallows for longer than a send may take, and is mended",
    rounds: [1, 3],
    run: passing(
      ({ link }) => link.set("silent"),
      ({ link }) => link.set("open"),
      longMs,
    ),
  },
  {
    name: "rabbitmq has a memory alarm",
    rounds: [1, 5],
    run: passing(
      ({ server: { server } }) => server.control("set_vm_memory_high_watermark", "0"),
      ({ server: { server } }) => server.control("set_vm_memory_high_watermark", "absolute", "1GB"),
      [1000, 3000],
    ),
  },
  {
    name: "rabbitmq's queue is deleted, and we declare it again",
    rounds: [1, 8],
    run: (ground, { random }) =>
      ground.underLoad(async () => {
        await aWhile(random);
        await deleteQueue(ground);
        await aWhile(random);
      }),
  },
  {
    name: "rabbitmq's queue is deleted, nothing can be routed, and its owner declares it again",
    rounds: [1, 8],
    env: { MOUSTASH_RABBITMQ_DECLARE: "off" },
    async run(ground, { random }) {
      await declareQueue(ground);
      await ground.underLoad(async () => {
        await aWhile(random);
        await deleteQueue(ground);
        await delay(1000 * (0.5 + random()));
        await declareQueue(ground);
        await aWhile(random);
      });
    },
  },
  {
    name: "rabbitmq's password is changed, and its file a little later",
    rounds: [1, 5],
    run: (ground, { random }) =>
      ground.underLoad(async ({ supervisord }) => {
        const { username } = ground.server;
        const daemon = supervisord.running();
        // The next round finds it as it was.
        for (const next of [`secret-${Math.random()}`, username]) {
          await aWhile(random);
          await changePassword(ground, next);
          await aWhile(random);
          await writeFile(ground.passwordFile, next);
          await delay(1000);
        }
        if (supervisord.running() !== daemon) throw new Error("fouet ended because of the password");
      }),
  },
  {
    name: "our process is killed while it accepts, spools and drains, before rabbitmq",
    rounds: [1, 10],
    run: (ground, round) => killRandomly(ground, { ...round, kills: Math.ceil(round.kills / 4) }),
  },
];

function declareQueue({ server: { server, queue, exchange, key } }: OnRabbitmq) {
  return server.with(async (channel) => {
    await channel.assertExchange(exchange, "direct", { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, exchange, key);
  });
}

/** Its reader has all that was in it: who deletes a queue deletes what waits there, which is not ours to keep. */
async function deleteQueue({ link, server: names }: OnRabbitmq): Promise<void> {
  // Nothing new comes in while it is read.
  link.set("silent");
  await delay(200);
  await names.read();
  await names.server.with((channel) => channel.deleteQueue(names.queue));
  link.set("open");
}

async function changePassword({ server: { server, username } }: OnRabbitmq, password: string): Promise<void> {
  await server.control("change_password", username, password);
  await server.control("close_all_user_connections", username, "the password was changed");
}
