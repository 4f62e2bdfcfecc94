// Secrets, wherever a user may put them: nothing that the tools print, and no process that they start, shows one.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RedisServer, startRedis, withoutRedis } from "../servers/redis.ts";
import { eventually, freePort, type TemporaryFolder, temporaryFolder } from "../servers/server.ts";
import { runTool, startTool } from "../servers/tool.ts";

/** As it is, and as it stands in a URL and in a header. */
const secret = "hunter2@:/%5";
const encoded = encodeURIComponent(secret);
const traces = [secret, encoded, Buffer.from(`shipper:${secret}`).toString("base64"), "hunter2"];

function assertSilent(text: string, what: string) {
  for (const trace of traces) assert.ok(!text.includes(trace), `${what} shows ${trace}: ${text}`);
}

const tools = ["cuir", "fouet", "panpan"];
const ask = [["--doctor", "--json-output"], ["--print-config"]];

describe("secrets", { skip: withoutRedis }, () => {
  let redis: RedisServer;
  let folder: TemporaryFolder;
  let dead: number;
  before(async () => {
    redis = await startRedis({ config: ["user shipper on >right ~* +@all", "requirepass right"] });
    folder = await temporaryFolder("moustash-secrets-");
    dead = await freePort();
  });
  after(async () => {
    await redis[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const at = (name: string) => join(folder.path, name);
  const loud = { MOUSTASH_LOG_LEVEL: "debug" };

  const ways: [string, (tool: string) => Promise<Record<string, string>> | Record<string, string>][] = [
    [
      "a variable",
      () => ({
        MOUSTASH_REDIS_IP: `127.0.0.1:${redis.port}`,
        MOUSTASH_REDIS_PASSWORD: secret,
        MOUSTASH_RABBITMQ_PASSWORD: secret,
        MOUSTASH_REDIS_SENTINEL_PASSWORD: secret,
      }),
    ],
    [
      "a file",
      async () => {
        await writeFile(at("password"), `${secret}\n`);
        return { MOUSTASH_REDIS_IP: `127.0.0.1:${redis.port}`, MOUSTASH_REDIS_PASSWORD_FILE: at("password") };
      },
    ],
    ["a URL", () => ({ MOUSTASH_REDIS_URL: `redis://shipper:${encoded}@127.0.0.1:${redis.port}/0` })],
    [
      "a URL of a server that is away",
      () => ({ MOUSTASH_REDIS_URL: `rediss://shipper:${encoded}@127.0.0.1:${dead}` }),
    ],
    ["a URL that is none", () => ({ MOUSTASH_REDIS_URL: `redis://shipper:${secret}@127.0.0.1:99999` })],
    [
      "a URL of RabbitMQ",
      () => ({
        MOUSTASH_TRANSPORT: "rabbitmq",
        MOUSTASH_RABBITMQ_URL: `amqp://shipper:${encoded}@127.0.0.1:${dead}/v`,
      }),
    ],
    [
      "an INI file",
      async (tool) => {
        const lines = ["[Moustash]", `redis_ip = 127.0.0.1:${redis.port}`, `redis_password = ${secret}`];
        await writeFile(at(`${tool}.ini`), `${lines.join("\n")}\nlog_level = debug\n`);
        return { MOUSTASH_CONFIG: at(`${tool}.ini`) };
      },
    ],
    [
      "an INI file with mistakes beside it",
      async (tool) => {
        const lines = ["[Moustash]", `redis_passwort = ${secret}`, `rabbitmq_url = http://a:${secret}@b`];
        await writeFile(at(`${tool}-wrong.ini`), `${lines.join("\n")}\nredis_password ${secret}\n`);
        return { MOUSTASH_CONFIG: at(`${tool}-wrong.ini`) };
      },
    ],
    [
      "a variable that is misspelt",
      () => ({ MOUSTASH_REDIS_PASWORD: secret, MOUSTASH_REDIS_IP: `127.0.0.1:${dead}` }),
    ],
  ];

  // The three read their configuration alike; each of them is asked in turn.
  for (const [index, [way, set]] of ways.entries())
    it(`are shown by nothing that is printed: ${way}`, async () => {
      const tool = tools[index % tools.length]!;
      const asked = { ...loud, ...(await set(tool)), CUIR_PROBES: `Self: 127.0.0.1:${redis.port}:redis` };
      for (const words of ask) {
        const { stdout, stderr } = await runTool([tool, ...words], asked);
        assert.ok(stdout + stderr !== "", `${tool} ${words.join(" ")} says something`);
        assertSilent(stdout + stderr, `${tool} ${words.join(" ")}`);
      }
      const env = { ...loud, ...(await set("panpan")) };
      for (const words of [["hello"], ["--explain", "hello"]]) {
        const { stdout, stderr } = await runTool(["panpan", ...words], env);
        assertSilent(stdout + stderr, `panpan ${words.join(" ")}`);
      }
    });

  it("are no flags, and a try to give one is not repeated", async () => {
    for (const tool of tools)
      for (const words of [["--redis-password", secret], [`--redis-url=redis://:${encoded}@db`]]) {
        const { code, stdout, stderr } = await runTool([tool, ...words]);
        assert.equal(code, 64);
        assertSilent(stdout + stderr, `${tool} ${words[0]}`);
      }
  });

  it("are in no daemon's log while the broker refuses them, and in no command line of a process", async () => {
    const env = {
      ...loud,
      MOUSTASH_REDIS_URL: `redis://shipper:${encoded}@127.0.0.1:${redis.port}`,
      CUIR_PROBES: `Gone: 127.0.0.1:${dead}:nobody`,
      CUIR_INTERVAL: "100ms",
      CUIR_RECHECK: "50ms",
      FOUET_LISTEN: at("fouet.sock"),
    };
    const daemons = [startTool(["cuir"], env), startTool(["fouet"], env)];
    const wrap = startTool(["panpan", "--run", "--", "sleep", "3141"], env);
    try {
      await eventually(() => daemons[0]!.seen.stderr.includes("refuses the password"));
      await eventually(async () => (await commandLines()).some((line) => line.trim() === "sleep 3141"));
      for (const line of await commandLines()) assertSilent(line, "a command line");
    } finally {
      for (const { child } of [...daemons, wrap]) child.kill("SIGTERM");
    }
    for (const { ended } of [...daemons, wrap]) {
      const { stdout, stderr } = await ended;
      assertSilent(stdout + stderr, "a log");
    }
  });
});

/** As ps shows them. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
  return (await Promise.all(lines)).map((line) => line.replaceAll("\0", " "));
}
