// Cuir's page: every target in one table, whole without script, kept current with it. Made in slices.
import { type Markup, html } from "./markup.ts";
import { type RowContext, renderRow } from "./row.ts";
import {
  type State,
  type TargetView,
  countStates,
  inOrder,
  stateOf,
  stateWords,
  states,
} from "./target-view.ts";
import { formatMoment, plural } from "./wording.ts";

export interface PageOptions extends RowContext {
  readonly host: string;
  readonly version: string;
  readonly views: readonly TargetView[];
  /** For the script: from where on it asks for changes. */
  readonly revision: string;
  readonly query: URLSearchParams;
}

const rowsPerSlice = 25;

export async function* renderPage(options: PageOptions): AsyncGenerator<string> {
  const { views, query, host, nowMs } = options;
  const places = new Map(views.map((view, at) => [view, at]));
  const text = (query.get("q") ?? "").slice(0, 200);
  const wanted = states.find((state) => state === query.get("state"));
  const shown = inOrder(views).filter((view) => matches(view, text, wanted));
  yield renderTop(options, text, wanted).markup;
  for (let from = 0; from < shown.length; from += rowsPerSlice) {
    const slice = shown.slice(from, from + rowsPerSlice);
    yield html`${slice.map((view) => renderRow(view, places.get(view)!, options))}`.markup;
  }
  yield html`</tbody></table><p id="none" class="none"${shown.length > 0 && html` hidden`}>${views.length === 0 ? "No targets are configured." : "No target is like that."}</p></main><footer><p>The line is the last hour, the bar the last day, both since Cuir started. The same as data: <a href="api/targets">JSON</a>, <a href="metrics">metrics</a>.</p><p>Cuir ${options.version} on ${host}, as of <time id="as-of" datetime="${new Date(nowMs).toISOString()}">${formatMoment(nowMs)}</time></p></footer></body></html>`
    .markup;
}

function matches(view: TargetView, text: string, state: State | undefined): boolean {
  const { program, source, informations } = view.target;
  const words = `${program} ${informations} ${source}`.toLowerCase();
  return (state === undefined || stateOf(view) === state) && words.includes(text.trim().toLowerCase());
}

/** What a person reads first: `2 of 14 targets are down`. */
export function headline(views: readonly TargetView[]): string {
  const counts = countStates(views);
  const all = plural(views.length, "target");
  const being = (count: number) => (count === 1 ? "is" : "are");
  if (views.length === 0) return "Nothing to probe";
  if (counts.down > 0)
    return counts.down === views.length
      ? `${views.length === 1 ? "The one target" : `All ${all}`} ${being(counts.down)} down`
      : `${counts.down} of ${all} ${being(counts.down)} down`;
  if (counts.unknown > 0) return `${counts.unknown} of ${all} cannot be judged`;
  if (counts.degraded > 0) return `${counts.degraded} of ${all} ${being(counts.degraded)} degraded`;
  if (counts.new > 0)
    return `${counts.new} of ${all} ${being(counts.new)} being looked at for the first time`;
  return views.length === 1 ? "The one target is up" : `All ${all} are up`;
}

/** The worst state there is: the page's colour, and the tab's. */
export function mood(views: readonly TargetView[]): State {
  const counts = countStates(views);
  return states.find((state) => counts[state] > 0) ?? "up";
}

const shapes: Readonly<Record<State, string>> = {
  up: '<circle cx="8" cy="8" r="8"/><path class="sign" d="M4.5 8.3l2.4 2.4 4.6-5"/>',
  down: '<rect x="2.2" y="2.2" width="11.6" height="11.6" rx="1.6" transform="rotate(45 8 8)"/><path class="sign" d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"/>',
  degraded: '<path d="M8 1l7.4 14H.6z"/><path class="sign" d="M8 6.4v3.8M8 12.8v.1"/>',
  unknown:
    '<rect width="16" height="16" rx="4"/><path class="sign" d="M5.8 6.1a2.2 2.2 0 1 1 3.2 2q-1 .5-1 1.5M8 12.3v.1"/>',
  new: '<circle class="ring" cx="8" cy="8" r="6.5"/>',
};

const moustache =
  "M32 9c-3-6-10-8-15-4C13 8 10 13 2 11c3 8 13 12 21 8 4-2 7-4 9-7 2 3 5 5 9 7 8 4 18 0 21-8-8 2-11-3-15-6-5-4-12-2-15 4z";

/** The mark of the tab: a moustache in the colour of the worst state. */
export function renderIcon(state: State): string {
  const color = { up: "#1f8a55", down: "#d13438", degraded: "#b26a00", unknown: "#6a5acd", new: "#7a6f66" }[
    state
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="32" fill="${color}"/><path transform="translate(8 21) scale(.75)" fill="#fff" d="${moustache}"/></svg>`;
}

function renderTop({ views, host, revision }: PageOptions, text: string, wanted: State | undefined): Markup {
  const counts = countStates(views);
  const symbols = states
    .map((state) => `<symbol id="${state}" viewBox="0 0 16 16">${shapes[state]}</symbol>`)
    .join("");
  const chip = (value: State | "", word: string, count: number) =>
    html`<label
      class="chip"
      ${count === 0 && value !== "" && value !== "down" && value !== "up" && html` hidden`}
      ><input
        type="radio"
        name="state"
        value="${value}"
        ${value === (wanted ?? "") && html` checked`}
      />${value !== "" && html`<svg class="mark" aria-hidden="true"><use href="#${value}" /></svg>`}<span
        >${word}</span
      >
      <b data-count="${value}">${count}</b></label
    >`;
  const heads = ["State", "Program", "Address", "Since", "Latency, last hour", "Last day"];
  return html`<!doctype html>
    <html lang="en" data-revision="${revision}" data-mood="${mood(views)}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${headline(views)} – Cuir on ${host}</title>
        <link rel="icon" type="image/svg+xml" href="icon-${mood(views)}.svg" />
        <link rel="stylesheet" href="page.css" />
        <script src="page.js" defer></script>
      </head>
      <body>
        <svg class="shapes" aria-hidden="true" width="0" height="0">${{ markup: symbols }}</svg
        ><a class="skip" href="#targets">To the targets</a>
        <header>
          <p class="brand">
            <svg viewBox="0 0 64 24" aria-hidden="true"><path d="${moustache}" /></svg>Cuir
            <span>on ${host}</span>
          </p>
          <h1 id="headline">${headline(views)}</h1>
          <p id="pulse" class="pulse" hidden></p>
        </header>
        <main>
          <form id="filter" role="search" aria-label="Filter targets" method="get">
            <label class="search"
              ><span>Name, address or information</span
              ><input
                type="search"
                name="q"
                value="${text}"
                autocomplete="off"
                spellcheck="false"
                placeholder="Filter"
            /></label>
            <fieldset>
              <legend>State</legend>
              ${chip("", "All", views.length)}${states.map((state) => chip(state, stateWords[state], counts[state]))}
            </fieldset>
            <button>Filter</button>
          </form>
          <p id="news" class="unseen" role="status"></p>
          <table role="table" id="targets" tabindex="-1" aria-label="Targets">
            <thead role="rowgroup">
              <tr role="row">
                ${heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}
              </tr>
            </thead>
            <tbody role="rowgroup">
     `;
}
