// A real redis-server (or valkey-server) for a test, with a plain connection to look into it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { redisPrograms } from "./release.ts";
import { type Child, awaitStart, freePort, startChild, temporaryFolder } from "./server.ts";

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** Of its data and configuration. */
  readonly folder: string;
  /** Path of its unix socket. */
  readonly socket: string;
  /** A command over a connection of the test's own. */
  command(...words: readonly (string | number)[]): Promise<unknown>;
  list(key: string): Promise<string[]>;
  /** SIGSTOP and SIGCONT: a server that hangs. */
  stop(): void;
  resume(): void;
  /** Ends it (SIGKILL unless told); `start` starts it again with the same data and port. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  isUp(): boolean;
  output(): string;
}

export interface RedisServerOptions {
  /** Lines of redis.conf, beside the port, the folder and the address. */
  readonly config?: readonly string[];
  readonly port?: number;
  readonly password?: string;
  /** Words behind the configuration file, such as --sentinel. */
  readonly args?: readonly string[];
}

export const withoutRedis = redisPrograms.without;

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { config = [], args = [], password } = options;
  const port = options.port ?? (await freePort());
  const folder = await temporaryFolder("moustash-redis-");
  const socket = join(folder.path, "redis.sock");
  const file = join(folder.path, "redis.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder.path}`,
    `unixsocket ${socket}`,
    ...(args.includes("--sentinel") ? [] : [`save ""`, "enable-debug-command yes"]),
    ...(password === undefined ? [] : [`requirepass ${JSON.stringify(password)}`]),
    ...config,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  let child: Child | undefined;
  let client: Redis | undefined;

  function connect(): Redis {
    const redis = new Redis({
      path: socket,
      retryStrategy: () => null,
      enableReadyCheck: false,
      ...(password === undefined ? {} : { password }),
    });
    redis.on("error", () => {});
    return redis;
  }

  async function command(...[name, ...words]: readonly (string | number)[]): Promise<unknown> {
    if (!client || client.status === "end") client = connect();
    return client.call(String(name), ...words);
  }

  async function start() {
    const started = startChild(...redisPrograms.start(redisPrograms.server, [file, ...args]));
    child = started;
    const answers = () =>
      command("PING").then(
        () => true,
        // It answers: that is up.
        (error: Error) => error.name === "ReplyError" && !error.message.startsWith("LOADING"),
      );
    await awaitStart(started, answers, { what: `a ${redisPrograms.title} at port ${port}` });
  }

  async function kill(signal?: NodeJS.Signals) {
    client?.disconnect();
    client = undefined;
    await child?.end(signal);
  }

  await start();
  return {
    port,
    folder: folder.path,
    socket,
    command,
    list: async (key) => (await command("LRANGE", key, 0, -1)) as string[],
    stop: () => child?.halt(),
    resume: () => child?.process.kill("SIGCONT"),
    kill,
    start,
    isUp: () => child?.hasEnded() === false,
    output: () => child?.output() ?? "",
    async [Symbol.asyncDispose]() {
      await kill();
      await folder[Symbol.asyncDispose]();
    },
  };
}
