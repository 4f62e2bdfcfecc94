// A real RabbitMQ for a test, alone or as a cluster, with a plain connection to look into it.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Channel, type ChannelModel, connect } from "amqplib";
import { beside, rabbitmqPrograms } from "./release.ts";
import { type Child, awaitStart, freePorts, startChild, temporaryFolder } from "./server.ts";

export const withoutRabbitmq = rabbitmqPrograms.without;

export interface RabbitmqServer extends AsyncDisposable {
  readonly port: number;
  readonly node: string;
  /** Runs rabbitmqctl; gives its output. Takes a second or two. */
  control(...words: string[]): Promise<string>;
  /** Does something on a channel of the test's own. */
  with<T>(work: (channel: Channel) => Promise<T>): Promise<T>;
  /** Takes every message out of a queue, oldest first. */
  take(queue: string): Promise<string[]>;
  stop(): void;
  resume(): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  isUp(): boolean;
  output(): string;
}

export interface RabbitmqOptions {
  /** Lines of rabbitmq.conf, beside the listeners. */
  readonly config?: readonly string[];
  readonly epmd?: Epmd;
  /** Beside none; `rabbitmq_management` listens at `host`, port 15672. */
  readonly plugins?: readonly string[];
  /** Another loopback address than 127.0.0.1, where a port is fixed. */
  readonly host?: string;
}

/** Erlang's register of names: one of the test's own, so that none stays behind. */
export interface Epmd extends AsyncDisposable {
  readonly port: number;
}

export async function startEpmd(): Promise<Epmd> {
  const [port] = await freePorts(1);
  const words = ["-port", String(port), "-address", "127.0.0.1"];
  const child = startChild(...rabbitmqPrograms.start("/usr/bin/epmd", words));
  return { port: port!, [Symbol.asyncDispose]: () => child.end() };
}

export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  if (withoutRabbitmq) throw new Error(withoutRabbitmq);
  const { plugins = [], host = "127.0.0.1" } = options;
  const epmd = options.epmd ?? (await startEpmd());
  const [port, distribution] = (await freePorts(2)) as [number, number];
  const folder = await temporaryFolder("moustash-rabbitmq-");
  const node = `moustash${port}@localhost`;
  const at = (name: string) => join(folder.path, name);
  await mkdir(at("home"));
  await writeFile(at("home/.erlang.cookie"), "moustash", { mode: 0o400 });
  await writeFile(at("plugins"), `[${plugins.join(",")}].\n`);
  const lines = [
    `listeners.tcp.1 = ${host}:${port}`,
    "vm_memory_high_watermark.absolute = 1GB",
    "disk_free_limit.absolute = 1MB",
    "log.console = true",
    "log.console.level = warning",
    "log.file = false",
    ...(plugins.includes("rabbitmq_management") ? [`management.tcp.ip = ${host}`] : []),
    ...(options.config ?? []),
  ];
  await writeFile(at("rabbitmq.conf"), `${lines.join("\n")}\n`);
  const env = {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    HOME: at("home"),
    ERL_EPMD_PORT: String(epmd.port),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: node,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: at("data"),
    RABBITMQ_LOG_BASE: at("log"),
    RABBITMQ_CONFIG_FILE: at("rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: at("plugins"),
    RABBITMQ_PID_FILE: at("pid"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 +sbwt none",
  };
  let child: Child | undefined;

  async function control(...words: string[]): Promise<string> {
    const [command, args] = rabbitmqPrograms.start(beside(rabbitmqPrograms, "rabbitmqctl"), [
      "-n",
      node,
      ...words,
    ]);
    const { stdout } = await promisify(execFile)(command, args, { env });
    return stdout;
  }

  async function withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    let model: ChannelModel | undefined;
    try {
      model = await connect(`amqp://guest:guest@${host}:${port}`, { noDelay: true });
      model.on("error", () => {});
      const channel = await model.createChannel();
      channel.on("error", () => {});
      return await work(channel);
    } finally {
      await model?.close().catch(() => {});
    }
  }

  async function start() {
    const [command, args] = rabbitmqPrograms.start(rabbitmqPrograms.server, []);
    const started = startChild(command, args, { env, group: true });
    child = started;
    const answers = () => withChannel(() => Promise.resolve(true));
    await awaitStart(started, answers, { what: `a RabbitMQ at port ${port}`, withinMs: 180_000 });
  }

  await start();
  return {
    port,
    node,
    control,
    with: withChannel,
    take: (queue) =>
      withChannel(async (channel) => {
        const bodies: string[] = [];
        for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
          bodies.push(message.content.toString());
          channel.ack(message);
        }
        return bodies;
      }),
    stop: () => child?.halt(),
    resume: () => child?.signal("SIGCONT"),
    kill: async (signal) => child?.end(signal),
    start,
    isUp: () => child?.hasEnded() === false,
    output: () => child?.output() ?? "",
    async [Symbol.asyncDispose]() {
      await child?.end();
      if (!options.epmd) await epmd[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface RabbitmqCluster extends AsyncDisposable {
  readonly nodes: readonly RabbitmqServer[];
}

export async function startRabbitmqCluster(count = 3): Promise<RabbitmqCluster> {
  const epmd = await startEpmd();
  const nodes: RabbitmqServer[] = [];
  for (let index = 0; index < count; index += 1) nodes.push(await startRabbitmq({ epmd }));
  for (const node of nodes.slice(1)) {
    await node.control("stop_app");
    await node.control("join_cluster", nodes[0]!.node);
    await node.control("start_app");
  }
  return {
    nodes,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      await epmd[Symbol.asyncDispose]();
    },
  };
}
