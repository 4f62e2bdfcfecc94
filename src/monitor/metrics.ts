// The numbers for Prometheus: named by its conventions, with blackbox_exporter's own for those who come from there.
// Labels have as many values as there are states, places and configured targets: never more.
import type { Registry } from "prom-client";
import { type Ledger, durationBounds } from "./ledger.ts";
import { type Sources, type SpoolView, askSpool } from "./sources.ts";
import { type TargetView, countStates, stateOf, states } from "./target-view.ts";

export interface MetricsOptions {
  readonly sources: Sources;
  readonly tool: string;
  readonly version: string;
}

export interface Metrics {
  readonly contentType: string;
  /** Prometheus text, one metric a piece: the event loop turns between them. */
  text(): AsyncIterable<string>;
}

/** A metric without labels reads one number; undefined is absent. */
type One = () => number | undefined | Promise<number | undefined>;
/** A metric with one label reads a number for each of its values. */
type Many = () =>
  | Iterable<readonly [string, number | undefined]>
  | Promise<Iterable<readonly [string, number | undefined]>>;

interface Family {
  readonly type: "gauge" | "counter";
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  readonly read: One | Many;
}

/** Gauges of Node.js whose names claim to be counters, what repeats other metrics, and the lag that counts its own pace. */
const unwanted = /^nodejs_(active_.*|version_info|heap_space_.*|eventloop_lag_.+_seconds)$/;

export async function createMetrics({ sources, tool, version }: MetricsOptions): Promise<Metrics> {
  const { default: prom } = await import("prom-client");
  const registry: Registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1000 });
  for (const { name } of registry.getMetricsAsArray())
    if (unwanted.test(name)) registry.removeSingleMetric(name);
  const info = new prom.Gauge({
    name: "moustash_build_info",
    help: "What runs: always 1.",
    labelNames: ["tool", "version"],
    registers: [registry],
  });
  info.set({ tool, version }, 1);
  const { targets, missed, listens, ledger } = sources;
  const families = [
    ...ofDelivery(sources),
    ...(targets ? ofTargets(targets, missed) : []),
    ...(listens ? ofListener(ledger) : []),
  ];
  for (const { type, name, help, label, read } of families) {
    const labelNames = label === undefined ? [] : [label];
    const common = { name, help, labelNames, registers: [] };
    const set = (value: number | undefined, labels: Record<string, string>) => {
      if (value === undefined) return;
      if (metric instanceof prom.Counter) metric.inc(labels, value);
      else metric.set(labels, value);
    };
    const collect = async () => {
      const found = await read();
      metric.reset();
      if (typeof found === "object") for (const [key, value] of found) set(value, { [label!]: key });
      else if (found === undefined) metric.remove();
      else set(found, {});
    };
    const metric =
      type === "gauge" ? new prom.Gauge({ ...common, collect }) : new prom.Counter({ ...common, collect });
    registry.registerMetric(metric);
  }
  const labelled = new Set(families.flatMap(({ name, label }) => (label === undefined ? [] : [name])));
  return {
    contentType: registry.contentType,
    async *text() {
      for (const { name } of registry.getMetricsAsArray()) {
        yield `${await registry.getSingleMetricAsString(name)}\n`;
        // Else it keeps an object for each of thousands of targets until the next scrape.
        if (labelled.has(name)) registry.getSingleMetric(name)?.reset();
      }
      if (targets) yield durationHistogram(ledger.durations);
    },
  };
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
const numberIn = (value: unknown) => (typeof value === "number" ? value : undefined);
const secondsIn = (iso: unknown) => (typeof iso === "string" ? seconds(Date.parse(iso)) : undefined);
const flag = (holds: boolean) => (holds ? 1 : 0);

const gauge = (name: string, help: string, read: One): Family => ({ type: "gauge", name, help, read });
const counter = (name: string, help: string, read: One): Family => ({ type: "counter", name, help, read });

function ofDelivery({ ledger: { delivery }, spool }: Sources): Family[] {
  const status = askedOnce(() => askSpool(spool));
  const ofSpool = (name: string, help: string, read: (view: SpoolView) => number | undefined): Family =>
    gauge(name, help, async () => {
      const view = await status();
      return view && read(view);
    });
  return [
    {
      type: "counter",
      name: "moustash_events_accepted_total",
      help: "Events that are safe, by the place where they were first.",
      label: "at",
      read: () => Object.entries({ broker: delivery.acceptedAtBroker, spool: delivery.acceptedAtSpool }),
    },
    counter(
      "moustash_events_delivered_total",
      "Events that the broker has acknowledged.",
      () => delivery.delivered,
    ),
    counter(
      "moustash_events_refused_total",
      "Repeats for which the spool had no room.",
      () => delivery.refused,
    ),
    counter(
      "moustash_events_rejected_total",
      "Events that the broker refused for good: they are in the reject file.",
      () => delivery.rejected,
    ),
    counter("moustash_broker_outages_total", "How often the broker went away.", () => delivery.outages),
    gauge(
      "moustash_broker_up",
      "0 from the first send that fails until one is acknowledged again; absent until the broker has been asked.",
      () =>
        delivery.brokerFound || delivery.brokerAway ? flag(delivery.brokerAway === undefined) : undefined,
    ),
    gauge(
      "moustash_broker_list_length",
      "Length of the broker's list after the last write.",
      () => delivery.listLength,
    ),
    gauge("moustash_last_accepted_timestamp_seconds", "When an event was last accepted.", () =>
      seconds(delivery.acceptedAtMs),
    ),
    gauge("moustash_last_delivered_timestamp_seconds", "When the broker last acknowledged an event.", () =>
      seconds(delivery.deliveredAtMs),
    ),
    gauge("moustash_spool_durable", "Whether the spool outlives the container.", () => flag(spool.durable)),
    gauge("moustash_spool_up", "0 while the spool takes nothing.", () =>
      flag(delivery.spoolTrouble === undefined),
    ),
    ofSpool("moustash_spool_events", "Events that wait for the broker.", ({ count }) => count),
    ofSpool("moustash_spool_bytes", "What they take.", ({ bytes }) => bytes),
    ofSpool(
      "moustash_spool_limit_bytes",
      "What they may take (spool_max_bytes).",
      ({ mostBytes }) => mostBytes,
    ),
    ofSpool("moustash_spool_rejected_events", "Events in the reject file.", ({ rejected }) => rejected),
    ofSpool(
      "moustash_spool_oldest_timestamp_seconds",
      "When the oldest waiting event happened.",
      ({ oldestAtMs }) => seconds(oldestAtMs),
    ),
  ];
}

function ofTargets(targets: () => readonly TargetView[], missed?: () => number): Family[] {
  const snapshot = askedOnce(async () => targets());
  const each = (
    type: Family["type"],
    name: string,
    help: string,
    read: (view: TargetView) => number | undefined,
  ): Family => ({
    type,
    name,
    help,
    label: "program",
    read: async () => (await snapshot()).map((view) => [view.target.program, read(view)] as const),
  });
  const success = { up: 1, degraded: 1, down: 0, new: undefined, unknown: undefined };
  const degraded = { up: 0, degraded: 1, down: 0, new: undefined, unknown: undefined };
  return [
    each(
      "gauge",
      "probe_success",
      "1 where the target is up, 0 where it is down; absent before the first verdict and while we cannot judge.",
      (view) => success[stateOf(view)],
    ),
    each("gauge", "probe_duration_seconds", "How long the last probe took.", ({ lastMs }) => seconds(lastMs)),
    each(
      "gauge",
      "probe_http_status_code",
      "The status of the last probe's answer; absent where none came.",
      ({ evidence }) => numberIn(evidence?.["http_status"]),
    ),
    each(
      "gauge",
      "probe_ssl_earliest_cert_expiry",
      "When the certificate that the last probe saw ends, in seconds since the epoch; absent where it saw none.",
      ({ evidence }) => secondsIn(evidence?.["certificate_expires"]),
    ),
    each(
      "gauge",
      "moustash_target_degraded",
      "1 where the target answers and something is wrong with it; absent as probe_success is.",
      (view) => degraded[stateOf(view)],
    ),
    each(
      "gauge",
      "moustash_target_changed_timestamp_seconds",
      "When the target's state last changed.",
      ({ sinceMs }) => seconds(sinceMs),
    ),
    each("counter", "moustash_target_probes_total", "Probes that ended.", ({ probes }) => probes),
    each(
      "counter",
      "moustash_target_failures_total",
      "Probes that found the target down.",
      ({ failures }) => failures,
    ),
    {
      type: "gauge",
      name: "moustash_targets",
      help: "Targets by state.",
      label: "state",
      async read() {
        const counts = countStates(await snapshot());
        return states.map((state) => [state, counts[state]] as const);
      },
    },
    // Not the sum over the targets of now: a counter that goes down with the list is taken for one that began anew.
    counter("moustash_probe_rounds_missed_total", "Rounds that were skipped since we were late.", () =>
      missed?.(),
    ),
    gauge("moustash_probe_lag_seconds", "How late the latest of the targets' last probes began.", async () =>
      seconds((await snapshot()).reduce((most, { lagMs }) => Math.max(most, lagMs), 0)),
    ),
  ];
}

function ofListener({ listener }: Ledger): Family[] {
  return [
    counter(
      "moustash_supervisor_notifications_total",
      "Notifications of supervisord that came.",
      () => listener.notifications,
    ),
    counter(
      "moustash_supervisor_repeats_total",
      "Notifications that came again and were not reported again.",
      () => listener.repeats,
    ),
    counter(
      "moustash_supervisor_lost_total",
      "Notifications that supervisord dropped before we could take them.",
      () => listener.lost,
    ),
    gauge(
      "moustash_supervisor_connections",
      "Conversations with supervisord that stand.",
      () => listener.connections,
    ),
  ];
}

const sharedForMs = 100;

/** Several metrics of one scrape share one answer. */
function askedOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    if (answer === undefined) {
      answer = ask();
      setTimeout(() => (answer = undefined), sharedForMs).unref();
    }
    return answer;
  };
}

/** prom-client can only observe one by one; ours are counted already. */
function durationHistogram({
  counts,
  sumSeconds,
}: {
  counts: readonly number[];
  sumSeconds: number;
}): string {
  const name = "moustash_probe_duration_seconds";
  const lines = [`# HELP ${name} How long probes took, over all targets.`, `# TYPE ${name} histogram`];
  let total = 0;
  for (const [place, count] of counts.entries()) {
    total += count;
    lines.push(`${name}_bucket{le="${durationBounds[place] ?? "+Inf"}"} ${total}`);
  }
  lines.push(`${name}_sum ${sumSeconds}`, `${name}_count ${total}`, "");
  return lines.join("\n");
}
