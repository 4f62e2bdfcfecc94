// What a fault is: something that is broken, and how, while the tools are at work on a broker.
import { setTimeout as delay } from "node:timers/promises";
import type { Broker } from "./brokers.ts";
import type { SmallDisk } from "./disk.ts";
import type { Ground } from "./ground.ts";

/** `Server`: what the fault must know of the broker; nothing where any will do. */
export interface Fault<Server = unknown> {
  readonly name: string;
  /** What the broker promises in these rounds, where that is not what it usually does. */
  readonly promise?: string;
  /** Of a short and of a long campaign. */
  readonly rounds: readonly [number, number];
  /** The spool lies on a small file system of its own. */
  readonly disk?: { readonly kilobytes: number; readonly options?: string };
  /** For the tools; `%FOLDER%` is the round's own folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the broker's own configuration, instead of the usual ones. */
  readonly config?: readonly string[];
  run(ground: Ground<Server>, round: Round): Promise<Outcome | void>;
}

export interface Round {
  readonly random: () => number;
  /** How many kills this round is asked for. */
  readonly kills: number;
  readonly disk: SmallDisk | undefined;
}

export interface Outcome {
  readonly kills?: number;
  /** What the broker acknowledged before witnesses, in that order: it was made to forget some of it. */
  readonly acknowledged?: readonly string[];
  /** Marks of events that the fault itself destroyed. */
  readonly mayDestroy?: ReadonlySet<string>;
  /** The spool that is flushed at the end, where it is another. */
  readonly spool?: string;
}

/** A fault with the broker that it is played on. */
export interface Case<Server = unknown> {
  readonly fault: Fault<Server>;
  readonly broker: Broker<Server>;
}

export const on =
  <Server>(broker: Broker<Server>) =>
  (fault: Fault<Server>): Case<never> =>
    ({ fault, broker }) as unknown as Case<never>;

/** A while in which the tools get something done. */
export const aWhile = (random: () => number) => delay(200 + random() * 600);

/** Longer than a send may take, which is 5 s. */
export const longMs = [5500, 7500] as const;

/** Something that begins, lasts and ends, under load. */
export const passing =
  <Server>(
    begin: (ground: Ground<Server>) => unknown,
    end: (ground: Ground<Server>) => unknown,
    [leastMs, mostMs]: readonly [number, number] = [500, 1500],
  ) =>
  (ground: Ground<Server>, { random }: Pick<Round, "random">) =>
    ground.underLoad(async () => {
      await aWhile(random);
      await begin(ground);
      await delay(leastMs + (mostMs - leastMs) * random());
      await end(ground);
      await aWhile(random);
    });
