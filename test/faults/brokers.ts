// The brokers that a campaign is played on: how each is started, reached and read, always by a real client.
import { startRabbitmq, type RabbitmqServer, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { startRedis, type RedisServer, withoutRedis } from "../servers/redis.ts";
import { type Link, openLink } from "./link.ts";
import { witnessRedis } from "./witness.ts";

export interface Broker<Server> {
  /** What it promises with its usual configuration. */
  readonly promise: string;
  /** Why there is none on this machine. */
  readonly missing: string | false;
  open(servers: Servers, config?: readonly string[]): Promise<OpenBroker<Server>>;
}

export interface OpenBroker<Server> extends AsyncDisposable {
  readonly server: Server;
  readonly link: Link;
  /** What leads the tools to it. */
  readonly env: Readonly<Record<string, string>>;
  /** What the password file holds at first. */
  readonly password?: string;
  /** All that came to its reader so far, in that order. */
  bodies(): Promise<string[]>;
}

/** Servers that take too long to start to have one for each round. */
export interface Servers extends AsyncDisposable {
  rabbitmq(): Promise<RabbitmqServer>;
}

export function createServers(): Servers {
  let rabbitmq: Promise<RabbitmqServer> | undefined;
  return {
    rabbitmq: () => (rabbitmq ??= startFor(login)),
    async [Symbol.asyncDispose]() {
      await (await rabbitmq)?.[Symbol.asyncDispose]();
    },
  };
}

const key = "faults";

export const redis: Broker<RedisServer> = {
  promise: "redis, appendfsync always",
  missing: withoutRedis,
  async open(_, config = ["appendonly yes", "appendfsync always"]) {
    const server = await startRedis({ config });
    const link = await openLink(server.port, witnessRedis);
    return {
      server,
      link,
      env: {
        MOUSTASH_REDIS_IP: "127.0.0.1",
        MOUSTASH_REDIS_PORT: `${link.port}`,
        MOUSTASH_REDIS_NAMESPACE: key,
      },
      bodies: () => server.list(key),
      async [Symbol.asyncDispose]() {
        await link[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};

/** RabbitMQ's server, and the names of this round. */
export interface RabbitmqGround {
  readonly server: RabbitmqServer;
  readonly username: string;
  readonly queue: string;
  readonly exchange: string;
  readonly key: string;
  /** Takes what is in the queue, as its reader does. */
  read(): Promise<void>;
}

/** Beside the guest, who looks on. */
const login = "faults";
let names = 0;

async function startFor(username: string): Promise<RabbitmqServer> {
  const server = await startRabbitmq();
  await server.control("add_user", username, username);
  await server.control("set_permissions", username, ".*", ".*", ".*");
  return server;
}

export const rabbitmq: Broker<RabbitmqGround> = {
  promise: "rabbitmq, durable queue, persistent messages, publisher confirms",
  missing: withoutRabbitmq,
  async open(servers) {
    const server = await servers.rabbitmq();
    const link = await openLink(server.port);
    names += 1;
    const [queue, exchange] = [`faults-${names}`, `faults-exchange-${names}`];
    const read: string[] = [];
    const take = async () => {
      try {
        read.push(...(await server.take(queue)));
      } catch (error) {
        // Until it is declared, or declared again, there is no queue, and nothing in it.
        if ((error as { code?: unknown }).code !== 404) throw error;
      }
    };
    return {
      server: { server, username: login, queue, exchange, key, read: take },
      link,
      password: login,
      env: {
        MOUSTASH_TRANSPORT: "rabbitmq",
        MOUSTASH_RABBITMQ_HOST: "127.0.0.1",
        MOUSTASH_RABBITMQ_PORT: `${link.port}`,
        MOUSTASH_RABBITMQ_USERNAME: login,
        MOUSTASH_RABBITMQ_PASSWORD_FILE: "%FOLDER%/password",
        MOUSTASH_RABBITMQ_QUEUE: queue,
        MOUSTASH_RABBITMQ_EXCHANGE: exchange,
        MOUSTASH_RABBITMQ_KEY: key,
      },
      async bodies() {
        await take();
        return read;
      },
      async [Symbol.asyncDispose]() {
        await link[Symbol.asyncDispose]();
        if (server.isUp()) await server.with((channel) => channel.deleteQueue(queue));
      },
    };
  },
};
