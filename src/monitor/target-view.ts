// What the monitor shows of a target, as Cuir hands it over; and the order and words in which people see it. Pure.

/** Structurally what probe/watch.ts gives by `snapshot()`. */
export interface TargetView {
  readonly target: {
    readonly program: string;
    readonly kind: string;
    readonly source: string;
    readonly informations: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly severity?: string;
    readonly runbookUrl?: string;
  };
  readonly status: "new" | "up" | "degraded" | "down";
  /** False while the last probes told nothing: our own trouble. */
  readonly known: boolean;
  readonly sinceMs?: number;
  /** One word of the table of causes: `refused`, `no_route`. */
  readonly cause?: string;
  /** What was said or seen, one line. */
  readonly detail?: string;
  /** Of the last probe, where its kind has more to say: `http_status`, `certificate_expires`. */
  readonly evidence?: Readonly<Record<string, unknown>>;
  readonly flapping?: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly probes: number;
  readonly failures: number;
  readonly missed: number;
  readonly lagMs: number;
  readonly lastMs?: number;
  readonly silence?: { readonly untilMs: number; readonly reason: string };
}

export type State = "down" | "unknown" | "degraded" | "new" | "up";

/** What needs a look comes first. */
export const states: readonly State[] = ["down", "unknown", "degraded", "new", "up"];

export const stateWords: Readonly<Record<State, string>> = {
  down: "Down",
  unknown: "Unknown",
  degraded: "Degraded",
  new: "First look",
  up: "Up",
};

export function stateOf({ status, known }: TargetView): State {
  return known || status === "new" ? status : "unknown";
}

export function causeWords({ cause, status, known }: TargetView): string | undefined {
  return status === "up" && known ? undefined : cause?.replaceAll("_", " ");
}

export function countStates(views: readonly TargetView[]): Record<State, number> {
  const counts: Record<State, number> = { down: 0, unknown: 0, degraded: 0, new: 0, up: 0 };
  for (const view of views) counts[stateOf(view)] += 1;
  return counts;
}

const collator = { numeric: true, sensitivity: "base" } as const;

/** By state, then by name as people sort it. */
export function inOrder(views: readonly TargetView[]): TargetView[] {
  const compare = new Intl.Collator("en", collator).compare;
  const rank = new Map(states.map((state, index) => [state, index]));
  return views
    .map((view) => ({ view, place: rank.get(stateOf(view))! }))
    .toSorted((a, b) => a.place - b.place || compare(a.view.target.program, b.view.target.program))
    .map(({ view }) => view);
}
