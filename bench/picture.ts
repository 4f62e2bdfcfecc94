// The pictures of docs/: each judged ratio against its bar, and cost against work. Pure.
import type { Curve } from "./growth.ts";
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
  const [left, right, high] = [340, 900, 26];
  // In logarithms: each mark is twice as good, or half as good, as the one before; what is beyond the last is cut.
  const [middle, doubling] = [570, 110];
  const body = rows.flatMap(({ name, what, ratio, bar, held }, index) => {
    const y = 50 + index * high;
    const limit = Number(bar.slice(2)) || 1;
    const better = bar.startsWith("≤") ? limit / Math.max(ratio, 1e-9) : ratio / limit;
    const x = Math.min(right, Math.max(left, middle + Math.log2(better) * doubling));
    return [
      text(left - 10, y + 14, `${name}: ${what}`, ' text-anchor="end"'),
      `<rect x="${Math.min(x, middle).toFixed(1)}" y="${y + 3}" width="${Math.abs(x - middle).toFixed(1)}" height="${high - 9}" fill="${held ? good : bad}"/>`,
      text(right + 10, y + 14, `${ratio} (${bar})`),
    ];
  });
  const height = 60 + rows.length * high;
  const marks = [-2, -1, 1, 2, 3].map((doublings) => {
    const x = middle + doublings * doubling;
    const factor = `${2 ** Math.abs(doublings)} ×`;
    return [
      `<line x1="${x}" y1="46" x2="${x}" y2="${height - 10}" stroke="${line}"/>`,
      text(x, 40, doublings < 0 ? `${factor} short` : `${factor} better`, ' text-anchor="middle"'),
    ].join("");
  });
  return frame(1040, height, "Moustash beside its peers", [
    ...marks,
    text(middle, 22, "what is to be reached", ' text-anchor="middle" font-weight="bold"'),
    ...body,
    `<line x1="${middle}" y1="30" x2="${middle}" y2="${height - 10}" stroke="${ink}"/>`,
  ]);
}

/** A small picture for each curve, both axes in logarithms; the dashed line is linear growth. */
export function drawGrowth(curves: readonly Curve[]): string {
  const [wide, high, top, pad] = [280, 250, 40, 24];
  const number = (value: number) => Number(value.toPrecision(3)).toLocaleString("en");
  const body = curves.flatMap(({ name, unit, points, exponent }, index) => {
    const [x0, y0] = [(index % 4) * wide + pad, top + Math.floor(index / 4) * high + 30];
    const [w, h] = [wide - 2 * pad, high - 120];
    const logs = points.map(({ work, cost }) => ({ x: Math.log10(work), y: Math.log10(cost) }));
    const [first, last] = [logs[0]!, logs.at(-1)!];
    const spanX = last.x - first.x || 1;
    const highest = Math.max(first.y + spanX, ...logs.map(({ y }) => y));
    const lowest = Math.min(...logs.map(({ y }) => y));
    const at = ({ x, y }: { x: number; y: number }) => ({
      x: (x0 + ((x - first.x) / spanX) * w).toFixed(1),
      y: (y0 + h - ((y - lowest) / (highest - lowest || 1)) * h).toFixed(1),
    });
    const lineThrough = (list: readonly { x: number; y: number }[], look: string) =>
      `<polyline points="${list.map((one) => `${at(one).x},${at(one).y}`).join(" ")}" fill="none" ${look}/>`;
    const ends = [points[0]!, points.at(-1)!] as const;
    return [
      text(x0, y0 - 10, name, ' font-weight="bold"'),
      `<path d="M${x0},${y0} V${y0 + h} H${x0 + w}" fill="none" stroke="${line}"/>`,
      lineThrough(
        [first, { x: last.x, y: first.y + spanX }],
        `stroke="${ink}" stroke-opacity="0.6" stroke-dasharray="4 4"`,
      ),
      lineThrough(logs, `stroke="${good}" stroke-width="2"`),
      ...logs.map((one) => `<circle cx="${at(one).x}" cy="${at(one).y}" r="3" fill="${good}"/>`),
      text(x0, y0 + h + 17, number(ends[0].work)),
      text(x0 + w, y0 + h + 17, number(ends[1].work), ' text-anchor="end"'),
      text(x0, y0 + h + 35, `${number(ends[0].cost)} → ${number(ends[1].cost)} ${unit}`),
      text(x0, y0 + h + 53, `exponent ${number(exponent)}`),
    ];
  });
  return frame(4 * wide, top + Math.ceil(curves.length / 4) * high, "Cost against work", [
    text(pad, 24, "Cost against work, both in logarithms. Dashed: linear growth from the first point."),
    ...body,
  ]);
}
