// Runs the three tools from source where no engine can be had: events of real things, without a container.
//
// A web server comes and goes for Cuir, supervisord (where it is installed) runs a program that crashes for Fouet,
// and PanPan says that they run. Events go to a Redis that is given or found, else to standard output.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { say, succeeds } from "./command.ts";

/** How long the web server stays up, and down. */
const [upMs, downMs] = [10_000, 10_000];

/** Ends when the person does (SIGINT, SIGTERM). */
export async function runFromSource(): Promise<void> {
  const ended = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ended.abort());
  const { signal } = ended;
  const folder = await mkdtemp(join(tmpdir(), "moustash-"));
  const socket = join(folder, "fouet.sock");
  const transport = await chooseTransport();
  const web = createServer((_, response) => response.end("here\n"));
  const { port } = await listen(web, 0);
  const environment = {
    MOUSTASH_TRANSPORT: transport,
    MOUSTASH_LOG_FORMAT: "text",
    MOUSTASH_SPOOL: "none",
    CUIR_INTERVAL: "2s",
    CUIR_PROBES: `Web: 127.0.0.1:${port}:a web server that comes and goes`,
    FOUET_LISTEN: socket,
  };
  const children = [
    start(["cuir"], environment, signal),
    start(["fouet"], environment, signal),
    start(["panpan", "the three tools run from source"], environment, signal),
    supervise(folder, socket, signal),
  ];
  say("Running Cuir, Fouet and PanPan from source; Ctrl-C ends it.");
  await comeAndGo(web, port, signal);
  await Promise.all(children);
  web.close();
  await rm(folder, { recursive: true, force: true });
}

async function chooseTransport(): Promise<"redis" | "stdout"> {
  const { MOUSTASH_REDIS_IP: host = "127.0.0.1", MOUSTASH_REDIS_PORT: port = "6379" } = process.env;
  if (process.env.MOUSTASH_REDIS_URL || (await answersPing(host, Number(port)))) {
    say(`Events go to Redis: redis-cli -h ${host} -p ${port} lrange logstash:moustash 0 -1`);
    return "redis";
  }
  say(`No Redis answers at ${host}:${port} (MOUSTASH_REDIS_IP names another): events go to standard output.`);
  return "stdout";
}

async function answersPing(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 2_000 });
  socket.on("timeout", () => socket.destroy(new Error("timeout")));
  try {
    socket.write("PING\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    // A password is asked for: it is a Redis all the same.
    return /^(\+PONG|-NOAUTH)/.test(answer.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Runs a tool from its source until it ends or the signal comes. */
function start(words: string[], environment: Record<string, string>, signal: AbortSignal): Promise<void> {
  return follow(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "src/main.ts", ...words],
    environment,
    signal,
  );
}

async function follow(
  command: string,
  args: string[],
  environment: Record<string, string>,
  signal: AbortSignal,
) {
  const child = spawn(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
    // Out of reach of the terminal's Ctrl-C: it is ended by us, once.
    detached: true,
  });
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end);
  await once(child, "exit");
  signal.removeEventListener("abort", end);
}

async function supervise(folder: string, socket: string, signal: AbortSignal): Promise<void> {
  if (!(await succeeds("which", ["supervisord"])))
    return say(
      "supervisord is not installed (apt-get install supervisor): Fouet listens, and nobody tells it anything.",
    );
  const configuration = join(folder, "supervisord.conf");
  const relay = `${process.execPath} ${join(process.cwd(), "src/main.ts")} fouet --relay ${socket}`;
  await writeFile(
    configuration,
    `[supervisord]
nodaemon=true
silent=true
logfile=${folder}/supervisord.log
pidfile=${folder}/supervisord.pid
childlogdir=${folder}

[eventlistener:fouet]
command=${relay}
events=PROCESS_STATE
buffer_size=10000
priority=-1000
startsecs=0
startretries=1000000

[program:crasher]
command=sh -c 'sleep 10; exit 3'
`,
  );
  await follow("supervisord", ["--configuration", configuration], {}, signal);
}

type WebServer = ReturnType<typeof createServer>;

async function listen(web: WebServer, port: number): Promise<AddressInfo> {
  web.listen(port, "127.0.0.1");
  await once(web, "listening");
  return web.address() as AddressInfo;
}

async function comeAndGo(web: WebServer, port: number, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await delay(upMs, undefined, { signal });
      web.close();
      await delay(downMs, undefined, { signal });
      await listen(web, port);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
