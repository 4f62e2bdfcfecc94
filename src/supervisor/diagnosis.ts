// What in a supervisord's configuration would lose events or hide the truth about deaths, with the line to change.
import { type ConfigSection, type Entry, findConfiguration, readConfiguration } from "./configuration.ts";
import type { FouetSettings } from "./settings.ts";
import { connectWeb, WebError } from "./web.ts";

export interface Finding {
  /** fault: events are or will be lost. warning: something is missing. fine: looked at, and well. */
  readonly level: "fault" | "warning" | "fine";
  /** Where: `/etc/supervisor/supervisord.conf:12`, or a URL. */
  readonly at: string;
  readonly message: string;
  /** The line to write. */
  readonly remedy?: string;
}

export interface DiagnosisOptions {
  readonly settings: Pick<FouetSettings, "supervisor_url" | "supervisor_username" | "supervisor_password">;
  /** SUPERVISOR_SERVER_URL, where supervisord started us. */
  readonly serverUrl?: string | undefined;
  /** Of supervisord; left out, one is looked for. */
  readonly pid?: number | undefined;
  /** supervisord's configuration file; left out, it is looked for. */
  readonly file?: string | undefined;
}

export async function diagnoseSupervisor(options: DiagnosisOptions): Promise<readonly Finding[]> {
  const { settings, serverUrl, pid } = options;
  const file = options.file ?? (await findConfiguration(pid));
  const findings: Finding[] = [];
  let sections: readonly ConfigSection[] = [];
  if (file === undefined) {
    const message =
      "no configuration of supervisord was found here: what follows comes from its HTTP server alone";
    findings.push({ level: "warning", at: "supervisord", message });
  } else {
    sections = await readConfiguration(file);
    findings.push(...judgeConfiguration(sections, file));
  }
  const url = settings.supervisor_url ?? serverUrl ?? urlOf(sections);
  if (url !== undefined) findings.push(...(await askServer(url, settings)));
  return findings;
}

/** What the files say. Pure. */
export function judgeConfiguration(sections: readonly ConfigSection[], file: string): readonly Finding[] {
  const listeners = sections.filter(({ name }) => name.startsWith("eventlistener:"));
  const ours = listeners.filter(isOurs);
  const findings: Finding[] = [];
  if (ours.length === 0) {
    findings.push({
      level: "fault",
      at: file,
      message: "no [eventlistener:…] section runs Fouet or a relay to it: no event comes",
      remedy: "fouet --setup prints the section",
    });
  }
  for (const listener of ours) findings.push(...judgeListener(listener, listeners));
  findings.push(...judgeEvidence(sections, file));
  return findings;
}

/** By its command, or by the name that `fouet --setup` gives it: a relay over TCP names nothing of ours. */
const isOurs = ({ name, entries }: ConfigSection) =>
  /fouet|moustash/i.test(`${name} ${entries.get("command")?.value ?? ""}`);

/** Below this, the boot of a few hundred programs or a storm overflows it. */
const leastBuffer = 1000;

function judgeListener(listener: ConfigSection, all: readonly ConfigSection[]): Finding[] {
  const { entries, name } = listener;
  const findings: Finding[] = [];
  const find = (level: Finding["level"], key: string, message: string, remedy: string) =>
    findings.push({
      level,
      at: entries.get(key)?.at ?? listener.at,
      message: `[${name}] ${message}`,
      remedy,
    });
  const number = (key: string, otherwise: number) => Number(entries.get(key)?.value ?? otherwise);

  const buffer = number("buffer_size", 10);
  if (!(buffer >= leastBuffer)) {
    const message = `buffer_size is ${buffer}: supervisord drops the oldest event when more are waiting (at boot, in a storm, while Fouet starts)`;
    find("fault", "buffer_size", message, "buffer_size=10000");
  }
  const priority = number("priority", -1);
  const rivals = all.filter(
    (other) => other !== listener && Number(other.entries.get("priority")?.value ?? -1) === priority,
  );
  if (rivals.length > 0) {
    const names = rivals.map((rival) => `[${rival.name}]`).join(", ");
    const message = `has the priority ${priority} of ${names}: what that one refuses is sent to Fouet too, again and again`;
    find("fault", "priority", message, "priority=-1000");
  } else if (priority > -1) {
    const message = `has priority ${priority}: it is started after programs, and stopped before them`;
    find("warning", "priority", message, "priority=-1000");
  }
  const restart = entries.get("autorestart")?.value.toLowerCase() ?? "unexpected";
  if (/^(false|no|off|0)$/.test(restart)) {
    find("fault", "autorestart", "is not started again when it ends", "autorestart=true");
  }
  if (number("startretries", 3) < 1000) {
    const message = `is given up (FATAL) after ${number("startretries", 3)} failed starts, and nothing is heard from then on`;
    find("fault", "startretries", message, "startretries=1000000");
  }
  if (number("startsecs", 1) > 0) {
    const message = `gets no event within its first ${number("startsecs", 1)} s, after each start: they wait in the buffer`;
    find("warning", "startsecs", message, "startsecs=0");
  }
  const events = (entries.get("events")?.value ?? "").split(/[\s,]+/);
  if (!events.includes("PROCESS_STATE") && !events.includes("EVENT")) {
    const message = `does not subscribe to PROCESS_STATE (events=${events.join(",")}): changes of state are missing`;
    find("fault", "events", message, "events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE");
  }
  if (number("numprocs", 1) > 1) {
    const message = `has numprocs=${number("numprocs", 1)}: each gets a part of the events, and what is lost cannot be told`;
    find("warning", "numprocs", message, "numprocs=1");
  }
  if (/^(true|yes|on|1)$/i.test(entries.get("redirect_stderr")?.value ?? "")) {
    const message =
      "sends its log into the protocol (redirect_stderr): supervisord gives the listener up for good";
    find("fault", "redirect_stderr", message, "redirect_stderr=false");
  }
  if (findings.every(({ level }) => level === "warning")) {
    findings.push({ level: "fine", at: listener.at, message: `[${name}] loses nothing of its own` });
  }
  return findings;
}

function judgeEvidence(sections: readonly ConfigSection[], file: string): Finding[] {
  const findings: Finding[] = [];
  const section = (name: string) => sections.find((candidate) => candidate.name === name);
  const main = section("supervisord");
  const log = main?.entries.get("logfile");
  if (log && /^\/dev\/|^(none|syslog)$/i.test(log.value)) {
    findings.push({
      level: "warning",
      at: log.at,
      message: `supervisord's log is ${log.value}, which cannot be read back: events of deaths say "evidence: none"`,
      remedy: "logfile=/var/log/supervisor/supervisord.log (logfile_maxbytes bounds it)",
    });
  }
  const level: Entry | undefined = main?.entries.get("loglevel");
  if (level && /^(warn|error|critical)/i.test(level.value)) {
    findings.push({
      level: "warning",
      at: level.at,
      message: `loglevel=${level.value} leaves out which pid was spawned: exit codes and signals cannot be told`,
      remedy: "loglevel=info",
    });
  }
  if (!section("unix_http_server") && !section("inet_http_server")) {
    findings.push({
      level: "warning",
      at: file,
      message: "there is no HTTP server: the truth about deaths, and what was missed, cannot be asked for",
      remedy: "[unix_http_server] file=/run/supervisor.sock",
    });
  } else if (!sections.some(({ name }) => name.startsWith("rpcinterface:supervisor"))) {
    findings.push({
      level: "warning",
      at: file,
      message: "there is no [rpcinterface:supervisor]: nothing can be asked of the HTTP server",
      remedy:
        "[rpcinterface:supervisor] supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    });
  }
  return findings;
}

function urlOf(sections: readonly ConfigSection[]): string | undefined {
  const value = (name: string, key: string) =>
    sections.find((section) => section.name === name)?.entries.get(key)?.value;
  const socket = value("unix_http_server", "file");
  if (socket !== undefined) return `unix://${socket}`;
  const port = value("inet_http_server", "port");
  if (port === undefined) return undefined;
  return `http://${port.includes(":") ? port.replace(/^\*?:/, "127.0.0.1:") : `127.0.0.1:${port}`}`;
}

async function askServer(url: string, settings: DiagnosisOptions["settings"]): Promise<Finding[]> {
  const { supervisor_username: username, supervisor_password: password } = settings;
  const web = connectWeb({ url, username, password });
  try {
    const version = (await web.call("supervisor.getSupervisorVersion")) as string;
    const log = await web.tail("/mainlogtail", 1000);
    const answered: Finding = { level: "fine", at: url, message: `supervisord ${version} answers` };
    if (log !== undefined) return [answered, { level: "fine", at: url, message: "its log can be read" }];
    return [
      answered,
      {
        level: "warning",
        at: url,
        message: 'its log is silent (a pipe or /dev/null): events of deaths say "evidence: none"',
        remedy: "[supervisord] logfile=/var/log/supervisor/supervisord.log",
      },
    ];
  } catch (error) {
    if (!(error instanceof WebError)) throw error;
    return [
      { level: "warning", at: url, message: `${error.message}: the truth about deaths cannot be asked for` },
    ];
  }
}

/** One line for each, as --doctor prints it. */
export function showFinding({ level, at, message, remedy }: Finding): string {
  const mark = { fault: "✖", warning: "!", fine: "✔" }[level];
  return `${mark} ${at}: ${message}${remedy === undefined ? "" : `; write: ${remedy}`}`;
}
