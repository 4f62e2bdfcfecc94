// What is served where: health for machines, metrics, and for Cuir the page and its data.
import type { Metrics } from "./metrics.ts";
import { headline, mood, renderIcon, renderPage } from "./page.ts";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import { type Revisions, createRevisions } from "./revisions.ts";
import { renderRow } from "./row.ts";
import type { Reply, Route } from "./server.ts";
import { type Sources, findDead, findUnready } from "./sources.ts";
import { type TargetView, causeWords, countStates, stateOf, states } from "./target-view.ts";
import { minutes, momentMs } from "./history.ts";

export interface RoutesOptions {
  readonly tool: string;
  readonly host: string;
  readonly version: string;
  readonly sources: Sources;
  /** Made when somebody asks for the first time: until then they cost nothing. */
  readonly metrics: () => Promise<Metrics>;
  /** Another for each life of a process: a page of an earlier one loads itself anew. */
  readonly life: string;
  readonly now: () => number;
}

const plain = (text: string, status = 200): Reply => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${text}\n`,
});

export function createRoutes(options: RoutesOptions): Record<string, Route> {
  const { sources, metrics, tool } = options;
  const startedMs = performance.now();
  let judgeAgainMs = 0;
  let dead: string | undefined;
  const routes: Record<string, Route> = {
    "/healthz": {
      open: true,
      answer() {
        // Looking at every target is cheap, but not for whoever asks a thousand times a second.
        if (performance.now() >= judgeAgainMs) {
          dead = findDead(sources, startedMs);
          judgeAgainMs = performance.now() + 100;
        }
        return dead === undefined ? plain("alive") : plain(`not alive: ${dead}`, 503);
      },
    },
    "/readyz": {
      open: true,
      async answer() {
        const why = await findUnready(sources);
        return why === undefined ? plain("ready") : plain(`not ready: ${why}`, 503);
      },
    },
    "/metrics": {
      async answer() {
        const made = await metrics();
        return { type: made.contentType, body: made.text() };
      },
    },
  };
  if (sources.targets !== undefined) Object.assign(routes, pageRoutes(options, sources.targets));
  else
    routes["/"] = {
      answer: () => plain(`${tool} ${options.version} on ${options.host}: ${Object.keys(routes).join(" ")}`),
    };
  return routes;
}

/** A minute, for what changes with a version only. */
const kept = { "Cache-Control": "private, max-age=60" };

function pageRoutes(options: RoutesOptions, targets: () => readonly TargetView[]): Record<string, Route> {
  const { sources, now, host, version } = options;
  const { history } = sources.ledger;
  const revisions = createRevisions(options.life);
  const icons = states.map((state): [string, Route] => [
    `/icon-${state}.svg`,
    { answer: () => ({ type: "image/svg+xml", headers: kept, body: renderIcon(state) }) },
  ]);
  return {
    "/": {
      answer(query) {
        const views = targets();
        const page = { host, version, views, history, nowMs: now(), revision: revisions.now(views), query };
        return { type: "text/html; charset=utf-8", body: renderPage(page) };
      },
    },
    "/api/targets": {
      answer: () => ({ type: "application/json", body: listTargets(targets(), options) }),
    },
    "/rows": {
      answer: (query) => ({ type: "application/json", body: listRows(query, targets(), revisions, options) }),
    },
    "/page.css": { answer: () => ({ type: "text/css; charset=utf-8", headers: kept, body: pageStyle }) },
    "/page.js": {
      answer: () => ({ type: "text/javascript; charset=utf-8", headers: kept, body: pageScript }),
    },
    ...Object.fromEntries(icons),
  };
}

/** `/api/targets`: what the page shows, as JSON. Times are ISO 8601, durations milliseconds. */
async function* listTargets(views: readonly TargetView[], { sources, now, host, version }: RoutesOptions) {
  const { history } = sources.ledger;
  const nowMs = now();
  const at = new Date(nowMs).toISOString();
  yield `{"host":${JSON.stringify(host)},"version":"${version}","at":"${at}","counts":${JSON.stringify(countStates(views))},"targets":[`;
  for (const [index, view] of views.entries()) {
    const { target, sinceMs, lastMs, silence } = view;
    const row = {
      program: target.program,
      kind: target.kind,
      source: target.source,
      informations: target.informations,
      labels: target.labels,
      severity: target.severity,
      runbook_url: target.runbookUrl,
      state: stateOf(view),
      since: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
      cause: causeWords(view) === undefined ? undefined : view.cause,
      detail: causeWords(view) === undefined ? undefined : view.detail,
      flapping: view.flapping === true ? true : undefined,
      silence: silence && { until: new Date(silence.untilMs).toISOString(), reason: silence.reason },
      duration_ms: lastMs === undefined ? undefined : round(lastMs),
      probes: view.probes,
      failures: view.failures,
      missed: view.missed,
      hour: {
        minutes,
        mean_ms: history
          .hour(target.program, nowMs)
          .map((minute) => (minute?.meanMs === undefined ? null : round(minute.meanMs))),
      },
      day: {
        moment_ms: momentMs,
        good_failed_unknown: history
          .day(target.program, nowMs)
          .map((moment) => (moment === undefined ? null : [moment.good, moment.failed, moment.blind])),
      },
    };
    yield (index === 0 ? "\n" : ",\n") + JSON.stringify(row);
  }
  yield "\n]}\n";
}

const round = (ms: number) => Math.round(ms * 1000) / 1000;

const mostFresh = 150;

/** `/rows?since=…&fresh=1,2,3`: for the page's script: rows that changed, and those it shows now. */
async function* listRows(
  query: URLSearchParams,
  views: readonly TargetView[],
  revisions: Revisions,
  { sources, now }: RoutesOptions,
) {
  const changed = revisions.since(query.get("since") ?? "", views);
  if (changed === undefined) return void (yield `{"reload":true}`);
  const nowMs = now();
  const fresh = (query.get("fresh") ?? "").split(",", mostFresh).filter((text) => /^\d{1,9}$/.test(text));
  const places = new Set([...changed, ...fresh.map(Number)].filter((at) => at < views.length));
  const head = {
    revision: revisions.now(views),
    at: new Date(nowMs).toISOString(),
    headline: headline(views),
    mood: mood(views),
    counts: countStates(views),
    total: views.length,
    changed,
  };
  yield `${JSON.stringify(head).slice(0, -1)},"rows":{`;
  let first = true;
  for (const at of places) {
    const { markup } = renderRow(views[at]!, at, { history: sources.ledger.history, nowMs });
    yield `${first ? "" : ","}"${at}":${JSON.stringify(markup)}`;
    first = false;
  }
  yield "}}";
}
