// One list split over several Cuirs without a coordinator: rendezvous hashing, so that few targets move. Pure.
// Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
import { MoustashError, exitCodes } from "../errors.ts";
import { hashFraction } from "./schedule.ts";

export interface Shard {
  /** From 1 on; `host`: the number at the end of the host's name, from 0 on. */
  readonly index: number | "host";
  readonly of: number;
}

/** Each target is weighed for each part. */
const mostParts = 1000;

export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d+|host)\s*\/\s*(\d+)$/i.exec(text) ?? [];
  if (index === undefined) throw new Error(`"${text}" is no shard: write 2/5, or host/5`);
  const count = Number(of);
  if (count < 1) throw new Error(`"${text}": there is at least one part`);
  if (count > mostParts) throw new Error(`"${text}": there are ${mostParts} parts at most`);
  if (/^host$/i.test(index)) return { index: "host", of: count };
  if (Number(index) < 1 || Number(index) > count)
    throw new Error(`"${text}": the first part is 1/${count}, the last ${count}/${count}`);
  return { index: Number(index), of: count };
}

/** The part that this host has; throws where its name has no number for it. */
export function shardIndex({ index, of }: Shard, host: string): number {
  if (index !== "host") return index;
  const ordinal = /(\d+)$/.exec(host.split(".")[0]!)?.[1];
  if (ordinal === undefined || Number(ordinal) >= of)
    throw new MoustashError(
      "shard",
      exitCodes.configuration,
      `shard = host/${of}: the host's name "${host}" must end in a number from 0 to ${of - 1}`,
    );
  return Number(ordinal) + 1;
}

/** The part to which a target belongs, from 1 on: with one part more, only the new part's targets move. */
export function shardOf(key: string, of: number): number {
  let best = 1;
  let most = -1;
  for (let index = 1; index <= of; index += 1) {
    const weight = hashFraction(`${index} ${key}`);
    if (weight > most) [best, most] = [index, weight];
  }
  return best;
}
