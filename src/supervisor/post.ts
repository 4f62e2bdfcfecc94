// What we know and ask of one supervisord, whatever way its notifications come in.
import type { Store } from "../store/store.ts";
import type { Origin } from "./drafts.ts";
import { type Evidence, gatherEvidence } from "./evidence.ts";
import { type Flapping, watchFlapping } from "./flapping.ts";
import { openProcesses, type Processes } from "./processes.ts";
import type { FouetSettings } from "./settings.ts";
import { connectWeb } from "./web.ts";
import type { Log, Way } from "./way.ts";

export interface Post {
  readonly stream: string;
  readonly processes: Processes;
  readonly flapping: Flapping;
  readonly evidence: Evidence | undefined;
  readonly tries: Map<string, number>;
  origin: Omit<Origin, "arrivedMs">;
  pool: string;
  lastMs: number;
  /** Whether something of this life was lost, so that even what we never knew of is made up for. */
  lossy: boolean;
  reconciling?: boolean;
}

export interface PostOptions {
  readonly host: string;
  readonly store: Store;
  readonly settings: FouetSettings;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export async function openPost(way: Way, options: PostOptions): Promise<Post> {
  const { stream, shown, url: said, life, pool } = way;
  const { host, store, settings, signal, log } = options;
  const url = settings.supervisor_url ?? said;
  const evidence =
    url === undefined
      ? undefined
      : gatherEvidence({
          web: connectWeb({
            url,
            username: settings.supervisor_username,
            password: settings.supervisor_password,
          }),
          signal,
          outputBytes: settings.output_bytes,
          mask: settings.mask,
          onAway: (error) =>
            log.warn(
              { stream },
              `${error.message}: the truth about deaths and what was missed cannot be asked for`,
            ),
        });
  return {
    stream,
    processes: await openProcesses(store, stream),
    flapping: watchFlapping({ count: settings.flap_count, withinMs: settings.flap_within }),
    evidence,
    tries: new Map(),
    origin: { host, life: life?.id ?? "", ...(shown !== undefined && { stream: shown }) },
    pool: pool ?? "",
    lastMs: Date.now(),
    lossy: false,
  };
}
