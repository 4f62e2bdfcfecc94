// The pictures of docs/: each judged ratio against its bar, and cost against work. Pure.
import type { Point } from "./growth.ts";
import type { Report } from "./report.ts";

const ink = "#24292f";
const good = "#1a7f37";
const bad = "#bc4c00";
const line = "#d0d7de";
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function frame(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

const text = (x: number, y: number, words: string, more = "") =>
  `<text x="${x}" y="${y}" fill="${ink}"${more}>${escaped(words)}</text>`;

/** One bar for each ratio: how far it is on the good side of what is to be reached, which is the line. */
export function drawRatios(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ name, ratios }) => ratios.map((ratio) => ({ name, ...ratio })));
  const [left, right, high] = [330, 900, 26];
  // Twice as good as asked ends at the right, four times as bad at the left; in logarithms.
  const middle = 560;
  const body = rows.flatMap(({ name, what, ratio, bar, held }, index) => {
    const y = 50 + index * high;
    const limit = Number(bar.slice(2)) || 1;
    const better = bar.startsWith("≤") ? limit / Math.max(ratio, 1e-9) : ratio / limit;
    const x = Math.min(right, Math.max(left, middle + Math.log2(better) * 110));
    return [
      text(left - 10, y + 14, `${name}: ${what}`, ' text-anchor="end"'),
      `<rect x="${Math.min(x, middle).toFixed(1)}" y="${y + 3}" width="${Math.abs(x - middle).toFixed(1)}" height="${high - 9}" fill="${held ? good : bad}"/>`,
      text(right + 10, y + 14, `${ratio} (${bar})`),
    ];
  });
  const height = 60 + rows.length * high;
  return frame(1040, height, "Moustash beside its peers", [
    text(middle, 24, "what is to be reached", ' text-anchor="middle"'),
    ...body,
    `<line x1="${middle}" y1="34" x2="${middle}" y2="${height - 10}" stroke="${ink}"/>`,
  ]);
}

/** A small picture for each curve, both axes in logarithms; the dashed line is linear growth. */
export function drawGrowth(curves: ReadonlyMap<string, readonly Point[]>): string {
  const [wide, high, pad] = [260, 190, 34];
  const body = [...curves].flatMap(([name, points], index) => {
    const [x0, y0] = [(index % 4) * wide + pad, Math.floor(index / 4) * high + pad];
    const [w, h] = [wide - 2 * pad, high - 2 * pad - 10];
    const logs = points.map(({ work, cost }) => ({ x: Math.log10(work), y: Math.log10(cost) }));
    const [first, last] = [logs[0]!, logs.at(-1)!];
    const spanX = last.x - first.x || 1;
    const top = Math.max(first.y + spanX, ...logs.map(({ y }) => y));
    const bottom = Math.min(...logs.map(({ y }) => y));
    const spanY = top - bottom || 1;
    const place = ({ x, y }: { x: number; y: number }) =>
      `${(x0 + ((x - first.x) / spanX) * w).toFixed(1)},${(y0 + h - ((y - bottom) / spanY) * h).toFixed(1)}`;
    return [
      text(x0, y0 - 10, name),
      `<path d="M${x0},${y0} V${y0 + h} H${x0 + w}" fill="none" stroke="${line}"/>`,
      `<polyline points="${place(first)} ${place({ x: last.x, y: first.y + spanX })}" fill="none" stroke="${ink}" stroke-dasharray="4 4"/>`,
      `<polyline points="${logs.map(place).join(" ")}" fill="none" stroke="${good}" stroke-width="2"/>`,
      text(x0, y0 + h + 16, String(points[0]!.work)),
      text(x0 + w, y0 + h + 16, points.at(-1)!.work.toLocaleString("en"), ' text-anchor="end"'),
    ];
  });
  return frame(4 * wide, Math.ceil(curves.size / 4) * high, "Cost against work", body);
}
