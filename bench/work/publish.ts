// The work of the benchmarks publish and spool: contract events, made as fast as they are asked for, shipped as the
// tools ship theirs. Says on standard output when it begins, when the first are delivered, when all are accepted and when
// all are delivered.
//   publish PORT SPOOL COUNT [EVENTS_A_SECOND]
import { setTimeout as delay } from "node:timers/promises";
import { moustashSettings } from "../../src/commands/sections.ts";
import { type MoustashValues, openDelivery } from "../../src/delivery.ts";
import type { Batch } from "../../src/envelope.ts";
import type { Setting } from "../../src/setting.ts";

const mostEvents = 1024;

function start(): void {
  const [port, spool, count, rate = "Infinity"] = process.argv.slice(2) as [string, string, string, string?];
  const texts = { redis_ip: "127.0.0.1", redis_port: port, spool };
  void publish(texts, Number(count), Number(rate)).then(() => process.exit(0));
}

async function publish(texts: Readonly<Record<string, string>>, count: number, rate: number): Promise<void> {
  const values = valuesOf({ ...texts, host: "bench", spool_max_bytes: "4GB", drain_timeout: "10m" });
  const logger = { debug() {}, info() {}, warn() {}, error: console.error };
  const tell = (what: string) => {
    const { user, system } = process.cpuUsage();
    const peakMb = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(`${what} ${process.hrtime.bigint()} ${user + system} ${peakMb}
`);
  };

  let delivered = 0;
  const allDelivered = Promise.withResolvers<void>();
  const observe = {
    delivered(more: number) {
      if (delivered === 0) tell("first");
      delivered += more;
      if (delivered >= count) allDelivered.resolve();
    },
  };

  async function* source(): AsyncGenerator<Batch> {
    let accepted = 0;
    const beganMs = performance.now();
    for (let made = 0; made < count;) {
      const batch = [];
      // A rate: what was due since the last batch, as a real source has it.
      const dueMs = beganMs + (made / rate) * 1000;
      if (dueMs > performance.now()) await delay(dueMs - performance.now());
      const due = Math.ceil(((performance.now() - beganMs) / 1000) * rate) - made;
      for (let more = Math.max(1, Math.min(mostEvents, count - made, due)); more > 0; more -= 1) {
        made += 1;
        batch.push(
          events.create({
            atMs: Date.now(),
            class: "change",
            message: "ssh server for HULK",
            program: `SSH-${made % 100}`,
            source: "10.1.2.3:22",
            tags: ["cuir", "SSH", "down"],
            notify: true,
            details: { summary: "SSH is down: connection refused", cause: "refused", connect_ms: 0.25 },
          }),
        );
      }
      yield {
        events: batch,
        accepted() {
          accepted += batch.length;
          if (accepted === count) tell("accepted");
        },
      };
    }
    // Only a source that goes on keeps a pipeline at work until the broker is back.
    await allDelivered.promise;
  }

  const delivery = openDelivery({ tool: "cuir", values, logger, observe });
  const { events } = delivery;
  tell("begin");
  const { unaccepted, pending } = await delivery.ship(source(), { signal: new AbortController().signal });
  if (unaccepted > 0 || pending) throw new Error("not all was delivered");
  tell("delivered");
  await delivery[Symbol.asyncDispose]();
}

function valuesOf(texts: Readonly<Record<string, string>>): MoustashValues {
  const entries = Object.entries<Setting>(moustashSettings).map(([key, setting]) => {
    const text = texts[key] ?? setting.default;
    return [key, text === undefined ? undefined : setting.parse(text)];
  });
  return Object.fromEntries(entries) as MoustashValues;
}

start();
