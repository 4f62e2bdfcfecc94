// The doctor's eye on supervisord's configuration: each finding names its line, and our own section has none.
import { strict as assert } from "node:assert";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfiguration, readConfiguration } from "../../../src/supervisor/configuration.ts";
import { judgeConfiguration, showFinding } from "../../../src/supervisor/diagnosis.ts";
import { formatSection, ways } from "../../../src/supervisor/section.ts";

const base = `[supervisord]
logfile=/var/log/supervisord.log
[unix_http_server]
file=/run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
`;
const judge = (text: string) => judgeConfiguration(parseConfiguration(text, "s.conf"), "s.conf");

for (const way of ways) {
  test(`the section for ${way} has no finding`, () => {
    const text = base + formatSection({ way, to: { kind: "unix", path: "/run/moustash/fouet.sock" } });
    assert.deepEqual(
      judge(text).map(({ level }) => level),
      ["fine"],
    );
  });
}

test("default settings: each that loses events is named, with the line to write", () => {
  const findings = judge(`${base}[eventlistener:fouet]
command=/opt/moustash/bin/fouet
events=PROCESS_STATE_EXITED, TICK_5
autorestart=false
[eventlistener:other]
command=other
`);
  const faults = findings.filter(({ level }) => level === "fault").map(showFinding);
  for (const words of [
    "buffer_size is 10",
    "[eventlistener:other]",
    "not started again",
    "after 3 failed starts",
    "PROCESS_STATE",
  ]) {
    assert.ok(
      faults.some((line) => line.includes(words)),
      `${words} in ${faults.join("\n")}`,
    );
  }
  assert.ok(
    faults.some((line) => line.startsWith("✖ s.conf:10: ") && line.endsWith("write: autorestart=true")),
  );
});

test("no listener, no readable log, no HTTP server", () => {
  const lines = judge("[supervisord]\nlogfile = /dev/stdout ; as containers do\nloglevel: warn\n").map(
    showFinding,
  );
  assert.match(lines[0]!, /^✖ s\.conf: no \[eventlistener/);
  assert.match(lines[1]!, /^! s\.conf:2: .*\/dev\/stdout/);
  assert.match(lines[2]!, /^! s\.conf:3: .*loglevel=warn/);
  assert.match(lines[3]!, /no HTTP server/);
});

test("what [include] names is read too, wherever it stands", async () => {
  const folder = await mkdtemp(join(tmpdir(), "moustash-conf-"));
  try {
    await mkdir(join(folder, "conf.d"));
    await writeFile(join(folder, "main.conf"), `${base}[include]\nfiles = conf.d/*.conf\n  nothing/*.ini\n`);
    await writeFile(
      join(folder, "conf.d/fouet.conf"),
      "[eventlistener:fouet]\ncommand=fouet\nbuffer_size: 5\n",
    );
    const sections = await readConfiguration(join(folder, "main.conf"));
    const finding = judgeConfiguration(sections, "main.conf").find(({ message }) =>
      message.includes("buffer_size"),
    );
    assert.equal(finding?.at, `${join(folder, "conf.d/fouet.conf")}:3`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
