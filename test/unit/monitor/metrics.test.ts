// What Prometheus reads of single targets: what the last probe saw, and nothing where it saw nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLedger } from "../../../src/monitor/ledger.ts";
import { createMetrics } from "../../../src/monitor/metrics.ts";
import { madeUpTarget } from "../../servers/watched.ts";

test("a target's metrics are what its last probe saw", async () => {
  const views = [
    madeUpTarget("Shop", {
      status: "degraded",
      cause: "tls_expires_soon",
      evidence: { http_status: 200, certificate_expires: "2026-12-01T00:00:00.000Z" },
    }),
    madeUpTarget("SSH", { status: "down", cause: "timeout" }),
    madeUpTarget("?", { status: "degraded", known: false }),
  ];
  const metrics = await createMetrics({
    tool: "cuir",
    version: "1.0.0",
    sources: {
      ledger: createLedger(),
      spool: { durable: true, status: async () => ({ count: 0, bytes: 0, mostBytes: 1, rejected: 0 }) },
      targets: () => views,
    },
  });
  const read = async () => {
    const text = (await Array.fromAsync(metrics.text())).join("");
    return (name: string) =>
      text
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`))
        .map((line) => line.slice(name.length));
  };
  const now = await read();
  assert.deepEqual(now("probe_success"), ['{program="Shop"} 1', '{program="SSH"} 0']);
  assert.deepEqual(now("moustash_target_degraded"), ['{program="Shop"} 1', '{program="SSH"} 0']);
  assert.deepEqual(now("probe_http_status_code"), ['{program="Shop"} 200']);
  assert.deepEqual(now("probe_ssl_earliest_cert_expiry"), ['{program="Shop"} 1796083200']);
  views[0]!.evidence = {};
  const later = await read();
  assert.deepEqual(later("probe_http_status_code"), []);
  assert.deepEqual(later("probe_ssl_earliest_cert_expiry"), []);
});
