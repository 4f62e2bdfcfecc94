// The two small pictures of a target: the latency line of the last hour, the day as a bar of moments. Pure.
import { type Minute, type Moment, minuteMs, momentMs } from "./history.ts";
import { type Markup, html } from "./markup.ts";
import { formatClock, formatMs, formatShare, plural } from "./wording.ts";

const height = 24;

/** A line of the mean, on a scale of its own; minutes with failures are marks at the foot. */
export function drawHour(hour: readonly (Minute | undefined)[], nowMs: number): Markup {
  const timed = hour.filter((minute) => minute !== undefined && minute.probes > minute.failed);
  const most = timed.reduce((top, minute) => Math.max(top, minute!.meanMs), 0);
  const worst = timed.reduce((top, minute) => Math.max(top, minute!.mostMs), 0);
  const failed = hour.reduce((sum, minute) => sum + (minute?.failed ?? 0), 0);
  const y = (ms: number) => Math.round(height - 3 - (most === 0 ? 0 : (ms / most) * (height - 6)));
  let path = "";
  let marks = "";
  let gap = true;
  for (const [x, minute] of hour.entries()) {
    if (minute !== undefined && minute.failed > 0) marks += `M${x} ${height}v-5`;
    if (minute === undefined || minute.probes === minute.failed) {
      gap = true;
      continue;
    }
    // A dot of its own where it stands alone.
    path += gap ? `M${x} ${y(minute.meanMs)}h.01` : `L${x} ${y(minute.meanMs)}`;
    gap = false;
  }
  const label =
    timed.length === 0 && failed === 0
      ? "last hour: nothing measured yet"
      : `last hour: ${timed.length === 0 ? "no answer" : `up to ${formatMs(worst)}`}${failed > 0 ? `, ${plural(failed, "failed probe")}` : ""}`;
  return html`<svg
    class="hour"
    viewBox="-1 0 62 ${height}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    <title>${label} (until ${formatClock(nowMs + minuteMs)} UTC)</title>
    ${path !== "" && html`<path class="line" d="${path}" />`}${marks !== "" && html`<path class="marks" d="${marks}" />`}
  </svg>`;
}

type Look = "none" | "good" | "some" | "bad" | "blind";

function lookOf(moment: Moment | undefined): Look {
  if (moment === undefined) return "none";
  const { good, failed, blind } = moment;
  if (failed > 0) return good >= failed ? "some" : "bad";
  return good > 0 ? "good" : blind > 0 ? "blind" : "none";
}

/** Neighbours that look alike are one rectangle, but each moment with failures has its own words. */
export function drawDay(day: readonly (Moment | undefined)[], nowMs: number): Markup {
  const firstMs = (Math.floor(nowMs / momentMs) - day.length + 1) * momentMs;
  const parts: Markup[] = [];
  const disturbed: string[] = [];
  let good = 0;
  let judged = 0;
  for (let from = 0; from < day.length;) {
    const look = lookOf(day[from]);
    const eventful = look === "some" || look === "bad";
    let to = from + 1;
    if (!eventful) while (to < day.length && lookOf(day[to]) === look) to += 1;
    for (const moment of day.slice(from, to)) {
      good += moment?.good ?? 0;
      judged += (moment?.good ?? 0) + (moment?.failed ?? 0);
    }
    const atMs = firstMs + from * momentMs;
    if (eventful) {
      const { failed, good: fine } = day[from]!;
      const text = `${formatClock(atMs)}–${formatClock(atMs + momentMs)} UTC: ${failed} of ${plural(failed + fine, "probe")} failed`;
      disturbed.push(formatClock(atMs));
      parts.push(
        html`<rect class="${look}" x="${from}" width="${to - from}" height="${height}"
          ><title>${text}</title></rect
        >`,
      );
    } else if (look !== "none")
      parts.push(html`<rect class="${look}" x="${from}" width="${to - from}" height="${height}" />`);
    from = to;
  }
  const label =
    judged === 0
      ? "last day: nothing judged yet"
      : `last day: ${formatShare(good, judged)} of probes good${disturbed.length > 0 ? `, disturbed at ${listed(disturbed)} UTC` : ""}`;
  return html`<svg
    class="day"
    viewBox="0 0 ${day.length} ${height}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    <rect class="none" width="${day.length}" height="${height}" />
    ${parts}
  </svg>`;
}

const mostListed = 5;

function listed(words: readonly string[]): string {
  const rest = words.length - mostListed;
  return rest > 0 ? `${words.slice(0, mostListed).join(", ")} and ${rest} more` : words.join(", ");
}
