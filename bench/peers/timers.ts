// The limit of a schedule in Node: so many timers at places spread over an interval, each set again when it fires.
// Prints the 99th percentile of how late they fired, in milliseconds.
//   timers.ts COUNT INTERVAL_MS FOR_MS
import { quantile } from "../measure.ts";

const [, , count, intervalMs, forMs] = process.argv.map(Number) as [number, number, number, number, number];
const lags: number[] = [];
const startMs = performance.now();

function arm(dueMs: number): void {
  setTimeout(() => {
    const nowMs = performance.now();
    lags.push(nowMs - dueMs);
    arm(dueMs + intervalMs);
  }, dueMs - performance.now());
}

for (let index = 0; index < count; index += 1) arm(startMs + (intervalMs * (index + 1)) / count);
setTimeout(() => {
  process.stdout.write(
    `${quantile(
      lags.toSorted((a, b) => a - b),
      0.99,
    )}\n`,
  );
  process.exit(0);
}, forMs);
