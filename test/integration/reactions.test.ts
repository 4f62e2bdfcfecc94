// What a daemon does when a real Redis says no for a while: it accepts on disk, says so in one line, and delivers
// everything, in order, when the trouble is over. Nothing is put aside, nobody ends.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTold, flush, playSupervisord } from "../faults/clients.ts";
import { tally } from "../faults/tally.ts";
import { whyNoDisk } from "../servers/panpan.ts";
import { type RedisServer, startRedis, withoutRedis } from "../servers/redis.ts";
import { eventually, temporaryFolder } from "../servers/server.ts";

interface Place {
  readonly redis: RedisServer;
  /** A folder of the test's own; Fouet's password file is in it, Redis' data may be. */
  readonly folder: string;
}

interface Trouble {
  readonly level: "warn" | "error";
  readonly sentence: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** Of redis.conf. */
  readonly config?: (folder: string) => readonly string[];
  begin(place: Place): Promise<unknown>;
  end(place: Place): Promise<unknown>;
}

const set = (name: string, value: string) => (place: Place) =>
  place.redis.command("CONFIG", "SET", name, value);

/** Those that are connected stay so when a password is set. */
async function lock(place: Place, password: string) {
  await set("requirepass", password)(place);
  await place.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

const troubles: Record<string, Trouble> = {
  OOM: {
    level: "warn",
    sentence: /out of memory/,
    begin: set("maxmemory", "1"),
    end: set("maxmemory", "0"),
  },
  READONLY: {
    level: "warn",
    sentence: /read-only replica/,
    begin: ({ redis }) => redis.command("REPLICAOF", "127.0.0.1", 1),
    end: ({ redis }) => redis.command("REPLICAOF", "NO", "ONE"),
  },
  LOADING: {
    level: "warn",
    sentence: /still loading/,
    async begin(place) {
      await place.redis.command("DEBUG", "POPULATE", 3000, "other", 200);
      await set("key-load-delay", "1000")(place);
      await set("loading-process-events-interval-bytes", "1024")(place);
      void place.redis.command("DEBUG", "RELOAD").catch(() => {});
    },
    // It ends by itself: a command of ours is answered then.
    end: set("key-load-delay", "0"),
  },
  MISCONF: {
    level: "warn",
    sentence: /cannot save to its disk/,
    config: (folder) => [`dir ${folder}/data`, "save 3600 1000000"],
    async begin({ redis, folder }) {
      await rm(join(folder, "data"), { recursive: true });
      await redis.command("BGSAVE");
      await eventually(async () =>
        String(await redis.command("INFO", "persistence")).includes("rdb_last_bgsave_status:err"),
      );
    },
    end: set("stop-writes-on-bgsave-error", "no"),
  },
  BUSY: {
    level: "warn",
    sentence: /busy with a script/,
    config: () => ["lua-time-limit 50"],
    async begin({ redis }) {
      execFile("redis-cli", ["-s", redis.socket, "EVAL", "while true do end", "0"], () => {});
      await eventually(() =>
        redis.command("PING").then(
          () => false,
          (error: Error) => error.message.startsWith("BUSY"),
        ),
      );
    },
    end: ({ redis }) => redis.command("SCRIPT", "KILL"),
  },
  NOAUTH: {
    level: "error",
    sentence: /wants a password/,
    begin: (place) => lock(place, "secret"),
    end: (place) => lock(place, ""),
  },
  "WRONGPASS, until the secret file is rotated, too": {
    level: "error",
    sentence: /refuses the password/,
    env: { MOUSTASH_REDIS_PASSWORD_FILE: "%FOLDER%/password" },
    begin: (place) => lock(place, "secret"),
    end: ({ folder }) => writeFile(join(folder, "password"), "secret"),
  },
  NOPERM: {
    level: "error",
    sentence: /does not permit/,
    begin: ({ redis }) => redis.command("ACL", "SETUSER", "default", "-rpush"),
    end: ({ redis }) => redis.command("ACL", "SETUSER", "default", "+rpush"),
  },
  "a list that its reader left to grow": {
    level: "warn",
    sentence: /redis_max_length is 20/,
    env: { MOUSTASH_REDIS_MAX_LENGTH: "20" },
    begin: ({ redis }) => fill(redis, 20),
    end: ({ redis }) => redis.command("LREM", key, 0, filler),
  },
};

const key = "logstash:moustash";
const filler = '{"moustash":{"id":"filler","run":"filler","seq":1}}';

async function fill(redis: RedisServer, count: number) {
  await redis.command("RPUSH", key, ...Array.from({ length: count }, () => filler));
}

const file = new URL("../../src/main.ts", import.meta.url).pathname;
const skip = withoutRedis || (await whyNoDisk());

for (const [name, trouble] of Object.entries(troubles)) {
  const { level, sentence, env = {} } = trouble;
  test(`${name}: one line, accepted on disk, delivered in order when it is over`, { skip }, async () => {
    await using folder = await temporaryFolder("moustash-reactions-");
    await mkdir(join(folder.path, "data"));
    await writeFile(join(folder.path, "password"), "before");
    await using redis = await startRedis(trouble.config && { config: trouble.config(folder.path) });
    const place = { redis, folder: folder.path };
    const spool = join(folder.path, "spool");
    const told = createTold();
    const values = Object.entries(env).map(([name, text]) => [name, text.replace("%FOLDER%", folder.path)]);
    const tools = {
      file,
      env: {
        MOUSTASH_CONFIG: "none",
        MOUSTASH_REDIS_PORT: `${redis.port}`,
        MOUSTASH_SPOOL: spool,
        FOUET_HTTP: "none",
        ...Object.fromEntries(values),
      },
    };
    const supervisord = playSupervisord(tools, told);
    try {
      await supervisord.answers(3);
      const daemon = supervisord.running();
      const lines = () =>
        daemon
          .stderr()
          .split("\n")
          .filter((line) => /events wait, tries go on/.test(line))
          .map((line) => JSON.parse(line) as { level: string; message: string });
      const ofThis = () => lines().filter(({ message }) => sentence.test(message));
      await trouble.begin(place);
      await eventually(() => ofThis().length > 0, { what: "a line", withinMs: 20_000 });
      // Several tries later it is still one, and events are taken.
      await supervisord.answers(5);
      await delay(1500);
      assert.deepEqual(
        ofThis().map((line) => line.level),
        [level],
        daemon.stderr(),
      );
      // Those who were connected when the password was set were cut off first.
      const others = lines().filter(({ message }) => !sentence.test(message));
      assert.deepEqual(
        others.filter(({ message }) => !message.includes("closed the connection")),
        [],
      );
      assert.ok(others.length <= 1, daemon.stderr());
      const over = daemon.stderr().length;
      await trouble.end(place);
      await eventually(() => daemon.stderr().slice(over).includes("the broker answers again"), {
        what: "the end of the trouble",
      });
      await supervisord.answers(3);
      assert.equal(supervisord.running(), daemon, "it did not end");
      assert.equal(await supervisord.end(), 0);
      // The list may have grown too long again.
      assert.equal(await flush({ file, env: { ...tools.env, MOUSTASH_REDIS_MAX_LENGTH: "none" } }), 0);
      assert.equal(existsSync(join(spool, "rejected.ndjson")), false);
      const arrived = (await redis.list(key)).filter((body) => body !== filler);
      const { lost, disordered, accepted } = tally(told.accepted, arrived);
      assert.ok(accepted >= 11);
      assert.deepEqual({ lost, disordered }, { lost: 0, disordered: 0 });
    } finally {
      await supervisord.end("SIGKILL");
    }
  });
}
