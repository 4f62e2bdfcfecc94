// Fouet itself, from source, as supervisord's listener or on a socket, with a real Redis; and what came of it.
import { join } from "node:path";
import { setup } from "../../src/commands/setup.ts";
import type { RedisServer } from "./redis.ts";
import type { Supervisord } from "./supervisord.ts";

export const fouetCommand = `${process.execPath} --disable-warning=ExperimentalWarning ${join(import.meta.dirname, "../../src/main.ts")} fouet --config none`;

export interface FouetEvent {
  readonly message: string;
  readonly program: string;
  readonly tags: readonly string[];
  readonly fouet: Readonly<Record<string, unknown>>;
  readonly moustash: { readonly id: string; readonly run: string; readonly seq: number };
}

/**
 * The section that `fouet --setup` prints, with our source in the binary's place and `lines` in the places of its own
 * lines of the same key.
 */
export function section(words: readonly string[], lines: Readonly<Record<string, string>> = {}): string {
  const own = setup(words, [])
    .replaceAll("/opt/moustash/bin/fouet", fouetCommand)
    .replaceAll("/dev/stderr", "%DIR%/fouet.err")
    .split("\n")
    .filter((line) => !Object.keys(lines).some((key) => line.startsWith(`${key}=`)));
  return [...own, ...Object.entries(lines).map(([key, value]) => `${key}=${value}`), ""].join("\n");
}

/** `environment=` of a section. */
export function environmentOf(redis: RedisServer, more: Readonly<Record<string, string>> = {}): string {
  const values = {
    MOUSTASH_REDIS_PORT: `${redis.port}`,
    FOUET_HTTP: "none",
    MOUSTASH_HOST: "web-1",
    ...more,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");
}

export async function eventsOf(redis: RedisServer): Promise<FouetEvent[]> {
  return (await redis.list("logstash:moustash")).map((body) => JSON.parse(body) as FouetEvent);
}

/** Serials of the notifications; `synthetic` and other findings have none of their own. */
export const serialsOf = (events: readonly FouetEvent[]): number[] =>
  events
    .filter(({ message, fouet }) => message !== "lost" && message !== "evidence" && "eventname" in fouet)
    .map(({ fouet }) => Number(fouet["serial"]));

/** Serials that supervisord had for this pool, by its witness. */
export const witnessedSerials = (supervisord: Supervisord, pool = "fouet"): number[] =>
  supervisord.witnessed().flatMap(({ serial, pools }) => (pools && pool in pools ? [serial!] : []));

/** `1-3, 7` to numbers. */
export function numbersOf(ranges: string): number[] {
  return ranges.split(", ").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, at) => first! + at);
  });
}
