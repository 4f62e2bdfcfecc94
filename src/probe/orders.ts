// The orders under which this Cuir last ran, kept in the store: so a change that comes with a restart is told, too.
import type { Store } from "../store/store.ts";
import type { Replaced } from "./notices.ts";
import type { Target } from "./target.ts";

interface Kept {
  readonly hash: string;
  readonly list?: string;
  /** Program to source. */
  readonly targets: Readonly<Record<string, string>>;
}

const space = "cuir.orders";
const key = "last";

/** What was watched under the orders before and is no more, or at another address. */
export type Left = Pick<Target, "program" | "source">;

export interface OrdersOptions {
  readonly store: Store;
  readonly hash: string;
  /** Whose orders they are: another Cuir may keep its own in the same store, and its targets are not ours to leave. */
  readonly list: string;
  readonly targets: readonly Target[];
  /** Done before these orders are kept: after a crash it is done again. */
  readonly leave: (left: readonly Left[]) => Promise<void>;
}

/** Keeps these orders; tells what differs from those before, undefined where nothing does or none are known. */
export async function takeOrders(options: OrdersOptions): Promise<Replaced | undefined> {
  const { store, hash, list, targets, leave } = options;
  const before = (await store.get(space, key)) as unknown as Kept | undefined;
  if (before?.hash === hash) return undefined;
  const now = Object.fromEntries(targets.map(({ program, source }) => [program, source]));
  const isKnown = typeof before?.targets === "object";
  const old = isKnown && before.list === list ? Object.entries(before.targets) : [];
  await leave(
    old
      .filter(([program, source]) => now[program] !== source)
      .map(([program, source]) => ({ program, source })),
  );
  await store.write(space, new Map([[key, { hash, list, targets: now }]]));
  if (!isKnown) return undefined;
  const programs = Object.keys(now);
  return {
    added: programs.filter((program) => !Object.hasOwn(before.targets, program)),
    removed: Object.keys(before.targets).filter((program) => !Object.hasOwn(now, program)),
    changed: programs.filter(
      (program) => Object.hasOwn(before.targets, program) && before.targets[program] !== now[program],
    ),
  };
}
