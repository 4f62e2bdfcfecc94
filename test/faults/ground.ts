// One round's ground: a Redis, the link to it, a spool, the tools between them, and those who are told.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { temporaryFolder } from "../servers/server.ts";
import { type Tools, type Told, createTold, flush, panpanLines, playSupervisord } from "./clients.ts";
import { type Link, openLink } from "./link.ts";

export const key = "faults";
const run = promisify(execFile);

export interface Ground extends AsyncDisposable {
  readonly folder: string;
  readonly spool: string;
  readonly redis: RedisServer;
  readonly link: Link;
  readonly tools: Tools;
  readonly told: Told;
  readonly passwordFile: string;
  /** What the broker holds. */
  bodies(): Promise<string[]>;
  /** Delivers what waits; throws where something still does. */
  flushAll(spool?: string): Promise<void>;
  /** Works while Fouet and PanPan are busy; then ends them. */
  underLoad(work: (load: Load) => Promise<void>): Promise<void>;
}

export interface Load {
  readonly supervisord: ReturnType<typeof playSupervisord>;
}

export interface GroundOptions {
  readonly file: string;
  readonly spool?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly redis?: readonly string[];
}

export const durable = ["appendonly yes", "appendfsync always"];

export async function openGround({
  file,
  spool,
  env = {},
  redis: config = durable,
}: GroundOptions): Promise<Ground> {
  const folder = await temporaryFolder("moustash-faults-");
  const redis = await startRedis({ config });
  const link = await openLink(redis.port);
  const told = createTold();
  const passwordFile = join(folder.path, "password");
  await writeFile(passwordFile, "");
  const place = spool ?? join(folder.path, "spool");
  await mkdir(place, { recursive: true });
  const tools: Tools = {
    file,
    env: {
      MOUSTASH_CONFIG: "none",
      MOUSTASH_HOST: "faults",
      MOUSTASH_REDIS_IP: "127.0.0.1",
      MOUSTASH_REDIS_PORT: `${link.port}`,
      MOUSTASH_REDIS_NAMESPACE: key,
      MOUSTASH_SPOOL: place,
      ...Object.fromEntries(
        Object.entries(env).map(([name, text]) => [name, text.replace("%FOLDER%", folder.path)]),
      ),
    },
  };

  return {
    folder: folder.path,
    spool: place,
    redis,
    link,
    tools,
    told,
    passwordFile,
    bodies: () => redis.list(key),
    async flushAll(other = place) {
      const flushed = { ...tools, env: { ...tools.env, MOUSTASH_SPOOL: other } };
      let code: number | null = null;
      for (const deadline = Date.now() + 180_000; Date.now() < deadline; await delay(50)) {
        code = await flush(flushed);
        if (code === 0) return;
      }
      throw new Error(`panpan --flush still says ${code}`);
    },
    async underLoad(work) {
      const supervisord = playSupervisord(tools, told);
      const end = new AbortController();
      const lines = (async () => {
        for (let round = 1; !end.signal.aborted; round += 1) await panpanLines(tools, told, 1 + (round % 50));
      })();
      try {
        await work({ supervisord });
      } finally {
        end.abort();
        await lines;
        await supervisord.end();
      }
      if (supervisord.troubles() !== "") throw new Error(supervisord.troubles());
    },
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface SmallDisk extends AsyncDisposable {
  readonly image: string;
  readonly place: string;
  remount(how: "ro" | "rw"): Promise<unknown>;
}

/** A small file system in a file, mounted; what is not synchronised does not reach the file. */
export async function mountSmall(
  folder: string,
  { kilobytes = 32_768, options = "loop" } = {},
): Promise<SmallDisk> {
  const image = join(folder, "disk.img");
  const place = join(folder, "disk");
  await mkdir(place);
  await run("truncate", ["-s", `${kilobytes}K`, image]);
  await run("mkfs.ext4", ["-q", "-m", "0", "-b", "4096", image]);
  await run("mount", ["-o", options, image, place]);
  return {
    image,
    place,
    remount: (how: "ro" | "rw") => run("mount", ["-o", `remount,${how}`, place]),
    async [Symbol.asyncDispose]() {
      await run("umount", [place]);
    },
  };
}

export { run as command };
