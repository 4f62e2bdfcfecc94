// One target as a row of the page's table: the same for the whole page and for what is kept current. Pure.
import { drawDay, drawHour } from "./drawing.ts";
import type { History } from "./history.ts";
import { type Markup, html } from "./markup.ts";
import { type TargetView, causeWords, stateOf, stateWords } from "./target-view.ts";
import { formatMoment, formatMs, formatSpan } from "./wording.ts";

export interface RowContext {
  readonly history: History;
  readonly nowMs: number;
}

/** `at` is the target's place in the configuration: the row's name for the page. */
export function renderRow(view: TargetView, at: number, { history, nowMs }: RowContext): Markup {
  const { target, sinceMs, lastMs, silence } = view;
  const state = stateOf(view);
  const cause = causeWords(view);
  const hour = drawHour(history.hour(target.program, nowMs), nowMs);
  const day = drawDay(history.day(target.program, nowMs), nowMs);
  return html`<tr role="row" id="t${at}" data-state="${state}">
    <td role="cell" class="state">
      <svg class="mark" aria-hidden="true"><use href="#${state}" /></svg
      ><span
        ><b>${stateWords[state]}</b
        >${cause !== undefined && html`<small title="${view.detail}">${cause}</small>`}</span
      >
    </td>
    <th role="rowheader" scope="row" class="who">
      <b>${target.program}</b
      ><small>${target.informations}</small
      >${silence && html`<small class="silence">silenced for ${formatSpan(silence.untilMs - nowMs)}: ${silence.reason}</small>`}${runbook(target.runbookUrl)}${view.flapping && html`<small>flapping</small>`}
    </th>
    <td role="cell" class="source">${breakable(target.source)}</td>
    <td role="cell" class="since">
      ${sinceMs === undefined ? html`<span>–</span>` : html`<time datetime="${new Date(sinceMs).toISOString()}" title="${formatMoment(sinceMs)}">${formatSpan(nowMs - sinceMs)}</time>`}
    </td>
    <td role="cell" class="latency">
      <span>${lastMs === undefined || state === "down" || state === "unknown" ? "–" : formatMs(lastMs)}</span
      >${hour}
    </td>
    <td role="cell" class="moments">${day}</td>
  </tr>`;
}

/** A long address breaks before its port, if it must. */
function breakable(source: string): Markup {
  const at = source.lastIndexOf(":");
  return at < 1 ? html`${source}` : html`${source.slice(0, at)}<wbr />${source.slice(at)}`;
}

function runbook(url: string | undefined): Markup | undefined {
  if (url === undefined || !/^https?:\/\//i.test(url)) return undefined;
  return html`<small><a href="${url}" rel="noreferrer" target="_blank">what to do</a></small>`;
}
