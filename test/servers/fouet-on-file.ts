// Fouet's source with a file for a broker: each event is one line, on disk before it is accepted.
// fouet-on-file.ts FILE [{"setting":"text"}]
// TRIAL_HOST: the host's name. TRIAL_STORE: a folder for what is remembered. TRIAL_DIE: dies once between safety and answer, when an event says this.
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { createEvents } from "../../src/event.ts";
import { openStore } from "../../src/store/open.ts";
import { fouetDefaults } from "./fouet-settings.ts";
import { findLife } from "../../src/supervisor/life.ts";
import { listen } from "../../src/supervisor/listener.ts";

const [, , file, words] = process.argv;
const host = process.env["TRIAL_HOST"] ?? hostname();
const events = createEvents({ tool: "fouet", host, version: "0.0.0", format: "logstash" });
const say = (details: object, message: string) => console.error(message, details);
const log = { info: say, warn: say, error: say };
const abort = new AbortController();
process.once("SIGTERM", () => abort.abort());
const fd = openSync(file!, "a");

for await (const batch of listen({
  input: process.stdin,
  output: process.stdout,
  events,
  host,
  store: openStore({ directory: process.env["TRIAL_STORE"] }),
  settings: fouetDefaults(words ? JSON.parse(words) : {}),
  life: await findLife(process.ppid),
  environment: process.env,
  signal: abort.signal,
  log,
})) {
  appendFileSync(fd, batch.events.map(({ body }) => `${body}\n`).join(""));
  fsyncSync(fd);
  const deadly = process.env["TRIAL_DIE"];
  if (deadly && !existsSync(`${file}.died`) && batch.events.some(({ body }) => body.includes(deadly))) {
    writeFileSync(`${file}.died`, "");
    process.kill(process.pid, "SIGKILL");
  }
  await batch.accepted({ at: "broker" });
}
closeSync(fd);
