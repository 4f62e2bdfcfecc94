// One event of each kind that Cuir and Fouet make, from their own sources, with all that it can hold.
import { createEvents } from "../../../src/event.ts";
import type { Draft } from "../../../src/event.ts";
import { evidenceFields } from "../../../src/probe/evidence.ts";
import { alive, configurationChanged, proberFields, refusal, silenced } from "../../../src/probe/notices.ts";
import { removalOf } from "../../../src/probe/removal.ts";
import { type Facts, type Occasion, draft, fields } from "../../../src/probe/report.ts";
import { createAlarms } from "../../../src/probe/schedule.ts";
import { parseTarget } from "../../../src/probe/target.ts";
import { createTroubles } from "../../../src/probe/trouble.ts";
import { draftOf } from "../../../src/supervisor/drafts.ts";
import { digestDraft, evidenceDraft, lossDraft, syntheticDraft } from "../../../src/supervisor/findings.ts";
import { type Notification, parseHeader, parsePayload } from "../../../src/supervisor/notification.ts";
import { courseDetails, truthDetails } from "../../../src/supervisor/truth.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export interface Sample {
  readonly tool: "cuir" | "fouet";
  readonly event: { readonly [name: string]: Json };
}

const atMs = Date.parse("2026-11-22T13:37:20.581Z");

/** What a probe may have seen. */
const evidence: Record<keyof typeof evidenceFields, string | number | readonly string[]> = {
  addresses: ["10.1.2.3 up 0.8 ms", "10.1.2.4 refused"],
  banner: "220 mail.example.com",
  tls_protocol: "TLSv1.3",
  tls_cipher: "TLS_AES_256_GCM_SHA384",
  certificate_sha256: "0f".repeat(32),
  certificate_subject: "shop.example.com",
  certificate_issuer: "Example CA",
  certificate_names: "DNS:shop.example.com",
  certificate_expires: "2026-12-24T00:00:00.000Z",
  certificate_days: 31,
  http_status: 503,
  http_server: "nginx",
  redirects: 1,
  redirected_to: "/login",
  answers: ["10.2.3.4"],
};

function ofCuir(): Draft[] {
  const plain = parseTarget("Shop", "https://shop.example.com/health the shop");
  const target = {
    ...plain,
    values: { ...plain.values, severity: "high", runbook_url: "https://wiki.example.com/shop" },
  };
  const silence = { program: "Shop", reason: "disk is replaced", sinceMs: atMs, untilMs: atMs + 7_200_000 };
  const facts: Facts = {
    target,
    outcome: { verdict: "down", cause: "http_status", detail: "503 Service Unavailable", evidence },
    trace: {
      step: "done",
      startMs: 0,
      dnsMs: 0.4,
      connectMs: 0.7,
      tlsMs: 2.1,
      firstByteMs: 9.3,
      totalMs: 12.6,
      address: "10.1.2.3",
    },
    atMs,
    status: "down",
    previous: "up",
    sinceMs: atMs - 60_000,
    episode: "0198",
    number: 7,
    failures: 2,
    lagMs: 0.25,
    intervalMs: 5000,
    history: ["2026-11-22T13:37:15.581Z up 0.8 ms"],
    changed: { address: { before: "10.1.2.2", now: "10.1.2.3" } },
    silence,
    suppressedBy: "Mail",
    flapping: true,
    flapChanges: 6,
    summary: { count: 12, lost: 1, loss_percent: 8.3, min_ms: 0.4, p50_ms: 0.8, p99_ms: 2.5, max_ms: 2.6 },
    prober: "web-1",
  };
  const life = { targets: 2, down: 1, unknown: 0, silenced: 1, probes: 900, missed: 0, waiting: 0 };
  const options = { host: "web-1", hash: "5f2c", atMs, everyMs: 300_000 };
  const said: Draft[] = [];
  const troubles = createTroubles({
    now: () => atMs,
    monotonic: () => 0,
    alarms: createAlarms(() => 0),
    say: (one) => said.push(one),
  });
  troubles.begin("no_route", "Shop");
  troubles.end("Shop");
  const removed = removalOf({
    memory: {
      program: "Shop",
      source: target.source,
      status: "down",
      sinceMs: atMs,
      number: 7,
      episode: "0198",
      toldMs: atMs,
    },
    target,
    notify: "changes",
    silence,
    host: "web-1",
    atMs,
  });
  const occasions: Occasion[] = ["change", "reminder", "recovery", "probe", "flapping", "summary", "test"];
  return [
    ...occasions.map((occasion) => draft(facts, occasion, true)),
    { ...draft(facts, "change", true), details: { ...draft(facts, "change", true).details, replaced: 3 } },
    alive({ ...life, lagP99Ms: 1.5, nextDueMs: atMs + 100 }, options),
    refusal(new Map([["Shop", 3]]), atMs),
    configurationChanged({ added: ["Mail"], removed: ["SSH"], changed: ["Shop"] }, options),
    silenced(silence, { begins: true, atMs, target }),
    ...said,
    removed!.draft,
  ];
}

/** By supervisord's words: the payload of each kind of notification. */
const notifications: Record<string, string> = {
  PROCESS_STATE_STARTING: "processname:app groupname:web from_state:STOPPED tries:0",
  PROCESS_STATE_EXITED: "processname:app groupname:web from_state:RUNNING expected:0 pid:7",
  PROCESS_LOG_STDERR: "processname:app groupname:web pid:7 channel:stderr\nno space left on device",
  PROCESS_COMMUNICATION_STDOUT: "processname:app groupname:web pid:7\nhello",
  REMOTE_COMMUNICATION: "type:deploy\nversion 1.4.2",
  PROCESS_GROUP_ADDED: "groupname:web\n",
  SUPERVISOR_STATE_CHANGE_RUNNING: "",
  TICK_60: "when:1795354640",
  SOMETHING_NEW: "of:tomorrow",
};

function ofFouet(): Draft[] {
  const origin = { host: "web-1", life: "0198", arrivedMs: atMs, stream: "app-1" };
  const notification = (name: string): Notification => {
    const text = notifications[name]!;
    const header = parseHeader(
      `ver:3.0 server:supervisor serial:21 pool:fouet poolserial:10 eventname:${name} len:${text.length}`,
    )!;
    return { header, payload: parsePayload(name, text), truncated: true };
  };
  const exited = notification("PROCESS_STATE_EXITED");
  const { payload } = exited;
  if (payload.kind !== "state") throw new Error("the payload is not what it was");
  const output = { stderr: "no space left on device", stdout: "starting" };
  const info = {
    name: "app",
    group: "web",
    statename: "EXITED",
    pid: 0,
    start: 1_795_354_600,
    stop: 1_795_354_640,
    exitstatus: 7,
    spawnerr: "no such file",
    stdout_logfile: "",
    stderr_logfile: "",
  };
  const fact = {
    exitCode: 7,
    signal: "SIGSEGV",
    coreDumped: true,
    cause: "?",
    killed: true,
    ranMs: 12.5,
  } as const;
  const told = {
    ...courseDetails({ before: undefined, ranMs: 12.5, startedInMs: 1.5, restartsLastHour: 3 }),
    ...truthDetails(payload, { fact, info, output }, { log: "read" as never, waiting: false }),
    ...truthDetails({ ...payload, state: "FATAL" }, { info }, { log: "read" as never, waiting: false }),
  };
  const digest = {
    process: "app",
    group: "web",
    counts: { EXITED: 4 },
    sinceMs: atMs - 600_000,
    untilMs: atMs,
  };
  return [
    ...Object.keys(notifications).map((name) =>
      draftOf(notification(name), origin, {
        notify: true,
        logBytes: 1000,
        details: name.includes("EXITED") ? told : {},
      }),
    ),
    lossDraft(
      { cause: "overflow", poolSerials: [4, 9], serials: [12, 20], least: 5, most: 6, notable: true },
      exited,
      origin,
      { notify: true },
    ),
    evidenceDraft(exited, payload, origin, told),
    syntheticDraft(info, { state: "RUNNING", atMs, faulty: false }, origin, "fouet", {
      notify: true,
      recovered: false,
    }),
    digestDraft({ ...digest, over: false }, origin, "fouet"),
    digestDraft({ ...digest, over: true }, origin, "fouet", "EXITED"),
  ];
}

/** As they travel. */
export function sampleEvents(): Sample[] {
  return (["cuir", "fouet"] as const).flatMap((tool) => {
    const events = createEvents({ tool, host: "web-1", version: "1.0.0", format: "logstash" });
    return (tool === "cuir" ? ofCuir() : ofFouet()).map((one) => ({
      tool,
      event: JSON.parse(events.create(one).body) as Sample["event"],
    }));
  });
}

/** The names that docs/CUIR.md lists. */
export const documentedFields = [fields, evidenceFields, proberFields].flatMap(Object.keys);
