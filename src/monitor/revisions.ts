// Which targets look different since a page last asked: a counter, and for each target when it last moved.
import { type TargetView, stateOf } from "./target-view.ts";

export interface Revisions {
  /** The name of the present, for the next question. */
  now(views: readonly TargetView[]): string;
  /** Places of the targets that changed since; undefined where the name is not of this life, or of another list. */
  since(revision: string, views: readonly TargetView[]): readonly number[] | undefined;
}

export function createRevisions(life: string): Revisions {
  const seen: { words: string; changed: number }[] = [];
  let latest = 0;
  let list = "";
  let lists = 0;

  function look(views: readonly TargetView[]) {
    let moved = false;
    const names = views.map(({ target }) => target.program).join("\n");
    if (names !== list) {
      list = names;
      lists += 1;
      seen.length = 0;
    }
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
      return `${life}.${lists}.${latest}`;
    },
    since(revision, views) {
      look(views);
      const [ofLife, ofList, count] = revision.split(".");
      if (ofLife !== life || ofList !== String(lists) || !/^\d+$/.test(count ?? "")) return undefined;
      return seen.flatMap(({ changed }, at) => (changed > Number(count) ? [at] : []));
    },
  };
}
