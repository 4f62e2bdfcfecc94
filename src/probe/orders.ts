// The orders under which this Cuir last ran, kept in the store: so a change that comes with a restart is told, too.
import type { Store } from "../store/store.ts";
import type { Replaced } from "./notices.ts";
import type { Target } from "./target.ts";

interface Kept {
  readonly hash: string;
  /** Program to source. */
  readonly targets: Readonly<Record<string, string>>;
}

const space = "cuir.orders";
const key = "last";

/** Keeps these orders; tells what differs from those before, undefined where nothing does or none are known. */
export async function takeOrders(
  store: Store,
  { hash, targets }: { readonly hash: string; readonly targets: readonly Target[] },
): Promise<Replaced | undefined> {
  const before = (await store.get(space, key)) as unknown as Kept | undefined;
  if (before?.hash === hash) return undefined;
  const now = Object.fromEntries(targets.map(({ program, source }) => [program, source]));
  await store.write(space, new Map([[key, { hash, targets: now }]]));
  if (before === undefined || typeof before.targets !== "object") return undefined;
  const programs = Object.keys(now);
  return {
    added: programs.filter((program) => !Object.hasOwn(before.targets, program)),
    removed: Object.keys(before.targets).filter((program) => !Object.hasOwn(now, program)),
    changed: programs.filter(
      (program) => Object.hasOwn(before.targets, program) && before.targets[program] !== now[program],
    ),
  };
}
