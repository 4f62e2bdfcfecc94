// Which targets look different since a page last asked: a counter, and for each target when it last moved.
import { type TargetView, stateOf } from "./target-view.ts";

export interface Revisions {
  /** The name of the present, for the next question. */
  now(views: readonly TargetView[]): string;
  /** Places of the targets that changed since; undefined where the name is not of this process's life. */
  since(revision: string, views: readonly TargetView[]): readonly number[] | undefined;
}

export function createRevisions(life: string): Revisions {
  const seen: { words: string; changed: number }[] = [];
  let latest = 0;

  function look(views: readonly TargetView[]) {
    let moved = false;
    for (const [at, view] of views.entries()) {
      const words = `${stateOf(view)} ${view.cause} ${view.sinceMs} ${view.silence?.untilMs}`;
      if (seen[at]?.words === words) continue;
      if (!moved) latest += 1;
      moved = true;
      seen[at] = { words, changed: latest };
    }
  }

  return {
    now(views) {
      look(views);
      return `${life}.${latest}`;
    },
    since(revision, views) {
      look(views);
      const [ofLife, count] = revision.split(".");
      if (ofLife !== life || !/^\d+$/.test(count ?? "")) return undefined;
      return seen.flatMap(({ changed }, at) => (changed > Number(count) ? [at] : []));
    },
  };
}
