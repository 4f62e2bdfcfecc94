// Alerts and dashboards: judged by promtool, and asking only for what Cuir and Fouet give. Grafana and Kibana themselves
// are not run here: their files are checked for what an import would trip over.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { parse } from "yaml";
import { createLedger } from "../../../src/monitor/ledger.ts";
import { createMetrics } from "../../../src/monitor/metrics.ts";
import { madeUpTarget } from "../../servers/watched.ts";

const noPromtool = spawnSync("promtool", ["--version"]).error
  ? "no promtool: apt-get install prometheus runs this test"
  : false;

function promtool(...args: string[]) {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}
const dashboard = JSON.parse(readFileSync("compose/grafana/moustash.json", "utf8")) as {
  panels: Panel[];
  templating: { list: { name: string }[] };
};
const { groups } = parse(readFileSync("compose/prometheus/moustash.rules.yml", "utf8")) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const dashboardQueries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const alertQueries = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));

const exposed = new Set<string>(["up"]);
before(async () => {
  const ledger = createLedger();
  ledger.observe.brokerFound();
  ledger.observe.accepted(1, { at: "broker", listLength: 1 });
  ledger.observe.delivered(1, { listLength: 1 });
  const metrics = await createMetrics({
    tool: "cuir",
    version: "1.0.0",
    sources: {
      ledger,
      spool: {
        durable: true,
        status: async () => ({ count: 1, bytes: 1, mostBytes: 1, rejected: 0, oldestAtMs: 1 }),
      },
      targets: () => [
        madeUpTarget("Shop", {
          evidence: { http_status: 200, certificate_expires: "2026-12-01T00:00:00.000Z" },
        }),
      ],
      missed: () => 0,
      listens: true,
    },
  });
  const text = (await Array.fromAsync(metrics.text())).join("");
  for (const [, name] of text.matchAll(/^([a-z]\w*)(?:\{| )/gm)) exposed.add(name!);
});

test("docs/MONITORING.md has every metric of ours, and no other", () => {
  const page = readFileSync("docs/MONITORING.md", "utf8");
  const documented = [...page.matchAll(/^\| `((?:moustash|probe)_\w+)`/gm)].map(([, name]) => name!);
  const ours = [...exposed]
    .filter((name) => /^(moustash|probe)_/.test(name))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ""));
  assert.deepEqual(new Set(documented), new Set(ours));
});

describe("alerts", () => {
  test("rules and configuration are Prometheus'", { skip: noPromtool }, () => {
    promtool("check", "rules", "compose/prometheus/moustash.rules.yml");
    promtool("check", "config", "compose/prometheus/prometheus.yml");
  });
  test("the scrape configuration names services of the stack at their own ports", () => {
    const { scrape_configs } = parse(readFileSync("compose/prometheus/prometheus.yml", "utf8")) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const { services } = parse(readFileSync("compose/docker-compose.yml", "utf8"), { merge: true }) as {
      services: Record<string, { ports?: string[] }>;
    };
    const asked = scrape_configs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets));
    assert.deepEqual(asked, ["cuir:9797", "fouet:9798"]);
    for (const target of asked) {
      const [service, port] = target.split(":");
      assert.match(services[service!]!.ports![0]!, new RegExp(`:${port}$`));
    }
  });
  test("fire when they should, and not before", { skip: noPromtool }, () => {
    promtool("test", "rules", "compose/prometheus/moustash.rules.test.yml");
  });
});

describe("dashboards", () => {
  test("ask only for metrics that there are", () => {
    for (const query of [...alertQueries, ...dashboardQueries]) {
      const names = query.match(/\b(?:moustash|probe|process|nodejs)_\w+/g) ?? [];
      assert.ok(names.length > 0 || query.includes("up{"), query);
      for (const name of names) assert.ok(exposed.has(name), `${name} is not exposed: ${query}`);
    }
  });

  test("Grafana's queries are PromQL", { skip: noPromtool }, () => {
    const file = join(tmpdir(), `moustash-dashboard-${process.pid}.json`);
    const rules = dashboardQueries.map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*"),
    }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    try {
      promtool("check", "rules", file);
    } finally {
      rmSync(file);
    }
  });

  test("Grafana's panels have ids of their own, do not overlap, and use variables that there are", () => {
    const { panels, templating } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          const other = taken.get(`${x} ${y}`);
          assert.ok(other === undefined, `${title} lies on ${other}`);
          taken.set(`${x} ${y}`, title);
        }
    }
    const names = [...templating.list.map(({ name }) => name), "__rate_interval"];
    for (const [, name] of JSON.stringify(panels).matchAll(/\$\{?(\w+)/g))
      assert.ok(names.includes(name!), `${name} is no variable`);
  });

  test("Kibana's objects refer to one another, and their inner JSON is JSON", () => {
    const lines = readFileSync("compose/kibana/moustash.ndjson", "utf8").trim().split("\n");
    const objects = lines.map(
      (line) =>
        JSON.parse(line) as {
          id: string;
          type: string;
          attributes: Record<string, unknown>;
          references: { id: string; type: string; name: string }[];
        },
    );
    const known = new Set(objects.map(({ type, id }) => `${type} ${id}`));
    assert.equal(known.size, objects.length);
    for (const { attributes, references } of objects) {
      for (const { type, id } of references) assert.ok(known.has(`${type} ${id}`), `${type} ${id}`);
      const inner = JSON.stringify(attributes, (key, value: unknown) =>
        key.endsWith("JSON") || key === "visState" ? (JSON.parse(String(value)) as unknown) : value,
      );
      for (const [, name] of inner.matchAll(/"(?:panelRefName|indexRefName)":"([^"]+)"/g))
        assert.ok(
          references.some((reference) => reference.name === name),
          `${name} is no reference`,
        );
    }
  });
});
