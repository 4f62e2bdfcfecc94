// One round's ground: a broker, the link to it, a spool, the tools between them, and those who are told.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { temporaryFolder } from "../servers/server.ts";
import type { OpenBroker } from "./brokers.ts";
import { type Tools, type Told, createTold, panpanLines, playSupervisord, startTool } from "./clients.ts";
import type { Link } from "./link.ts";

export interface Ground<Server = unknown> extends AsyncDisposable {
  readonly folder: string;
  readonly spool: string;
  readonly server: Server;
  readonly link: Link;
  readonly tools: Tools;
  readonly told: Told;
  readonly passwordFile: string;
  /** All that came to the broker's reader so far. */
  bodies(): Promise<string[]>;
  /** Delivers what waits; throws where something still does. */
  flushAll(spool?: string): Promise<void>;
  /** Works while Fouet and PanPan are busy; then ends them. */
  underLoad(work: (load: Load) => Promise<void>): Promise<void>;
}

export interface Load {
  readonly supervisord: ReturnType<typeof playSupervisord>;
}

export interface GroundOptions<Server> {
  /** The bundle under test. */
  readonly file: string;
  readonly broker: OpenBroker<Server>;
  readonly spool?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function openGround<Server>({
  file,
  broker,
  spool,
  env = {},
}: GroundOptions<Server>): Promise<Ground<Server>> {
  const folder = await temporaryFolder("moustash-faults-");
  const told = createTold();
  const passwordFile = join(folder.path, "password");
  await writeFile(passwordFile, broker.password ?? "");
  const place = spool ?? join(folder.path, "spool");
  await mkdir(place, { recursive: true });
  const tools: Tools = {
    file,
    env: {
      MOUSTASH_CONFIG: "none",
      MOUSTASH_HOST: "faults",
      MOUSTASH_SPOOL: place,
      ...Object.fromEntries(
        Object.entries({ ...broker.env, ...env }).map(([name, text]) => [
          name,
          text.replace("%FOLDER%", folder.path),
        ]),
      ),
    },
  };

  return {
    folder: folder.path,
    spool: place,
    server: broker.server,
    link: broker.link,
    tools,
    told,
    passwordFile,
    bodies: () => broker.bodies(),
    async flushAll(other = place) {
      const flushed = { ...tools, env: { ...tools.env, MOUSTASH_SPOOL: other } };
      let said = "";
      for (const deadline = Date.now() + 120_000; Date.now() < deadline; await delay(50)) {
        const panpan = startTool(flushed, ["panpan", "--flush"], { input: "" });
        const { code } = await panpan.ended;
        if (code === 0) return;
        said = `${code}: ${panpan.stderr()}`;
      }
      const names = await readdir(other, { recursive: true });
      throw new Error(`panpan --flush still says ${said}; in the spool there are ${names.join(", ")}`);
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
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
