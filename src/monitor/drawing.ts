// The two small pictures of a target: the latency line of the last hour, the day as a bar of moments. Pure.
import { type Minute, type Moment, minuteMs, momentMs } from "./history.ts";
import { type Markup, html } from "./markup.ts";
import { formatClock, formatMs, formatShare, plural } from "./wording.ts";

const height = 24;

/** A line of the mean, on a scale of its own; minutes with failures are marks at the foot. */
export function drawHour(hour: readonly (Minute | undefined)[], nowMs: number): Markup {
  const means = hour.map((minute) => minute?.meanMs);
  const most = Math.max(...means.map((mean) => mean ?? 0));
  const worst = Math.max(...hour.map((minute) => minute?.mostMs ?? 0));
  const failed = hour.reduce((sum, minute) => sum + (minute?.failed ?? 0), 0);
  const y = (ms: number) => Math.round(height - 4 - (most === 0 ? 0 : (ms / most) * (height - 7)));
  let path = "";
  let marks = "";
  for (const [x, mean] of means.entries()) {
    if ((hour[x]?.failed ?? 0) > 0) marks += `M${x} ${height}h1`;
    if (mean === undefined) continue;
    // A dot of its own where it stands alone.
    path += x > 0 && means[x - 1] !== undefined ? `L${x} ${y(mean)}` : `M${x} ${y(mean)}h.01`;
  }
  const answers = path === "" ? "no answer" : `up to ${formatMs(worst)}`;
  const failures = failed > 0 ? `, ${plural(failed, "failed probe")}` : "";
  const label = `last hour: ${path === "" && failed === 0 ? "nothing measured" : answers + failures}`;
  return html`<svg
    class="hour"
    viewBox="-1 0 62 ${height}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    <title>${label} (until ${formatClock(nowMs + minuteMs)} UTC)</title>
    ${path !== "" && html`<path class="line" d="${path}" />`}
    ${marks !== "" && html`<path class="marks" d="${marks}" />`}
  </svg>`;
}

/** The least that a failure is drawn with: it must be seen. */
const leastFailed = 7;

/** Neighbours without failures are one rectangle; a moment with failures has its own, as high as they are many. */
export function drawDay(day: readonly (Moment | undefined)[], nowMs: number): Markup {
  const firstMs = (Math.floor(nowMs / momentMs) - day.length + 1) * momentMs;
  const parts: Markup[] = [];
  const disturbed: string[] = [];
  let good = 0;
  let judged = 0;
  let run = { look: "none", from: 0 };
  const endRun = (to: number, look: string) => {
    if (look === run.look) return;
    if (run.look !== "none")
      parts.push(
        html`<rect class="${run.look}" x="${run.from}" width="${to - run.from}" height="${height}" />`,
      );
    run = { look, from: to };
  };
  const failures: Markup[] = [];
  for (const [x, moment] of day.entries()) {
    const fine = moment?.good ?? 0;
    const failed = moment?.failed ?? 0;
    good += fine;
    judged += fine + failed;
    endRun(x, fine > 0 ? "good" : failed === 0 && (moment?.blind ?? 0) > 0 ? "blind" : "none");
    if (failed === 0) continue;
    const atMs = firstMs + x * momentMs;
    disturbed.push(formatClock(atMs));
    const high = Math.max(leastFailed, Math.round((failed / (fine + failed)) * height));
    const text = `${formatClock(atMs)}–${formatClock(atMs + momentMs)} UTC: ${failed} of ${plural(fine + failed, "probe")} failed`;
    failures.push(
      html`<rect class="bad" x="${x}" y="${height - high}" width="1" height="${high}">
        <title>${text}</title>
      </rect>`,
    );
  }
  endRun(day.length, "end");
  const when = disturbed.length > 0 ? `, disturbed at ${listed(disturbed)} UTC` : "";
  const label = `last day: ${judged === 0 ? "nothing judged yet" : `${formatShare(good, judged)} of probes good${when}`}`;
  return html`<svg
    class="day"
    viewBox="0 0 ${day.length} ${height}"
    preserveAspectRatio="none"
    shape-rendering="crispEdges"
    role="img"
    aria-label="${label}"
  >
    <rect class="none" width="${day.length}" height="${height}" />
    ${parts}${failures}
  </svg>`;
}

const mostListed = 5;

function listed(words: readonly string[]): string {
  const rest = words.length - mostListed;
  return rest > 0 ? `${words.slice(0, mostListed).join(", ")} and ${rest} more` : words.join(", ");
}
