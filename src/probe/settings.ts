// The settings of [Cuir] and of [Cuir:Program]: how often is probed, what counts as down, what is sent, who is told.
import {
  type Values,
  optional,
  orNone,
  parseBoolean,
  parseChoice,
  parseCount,
  parseDeadline,
  parseList,
  parsePairs,
  parsePort,
  parseSpan,
  parseText,
  parseUnlessNone,
  setting,
} from "../setting.ts";
import { literal } from "./address.ts";
import { parseDialogue, parsePattern, parsePayload } from "./dialogue.ts";
import { parseShard } from "./shard.ts";
import { parseTag } from "./tags.ts";

const parseSpanMs = parseSpan("1ms");

/** `10.0.0.1:53` or `[::1]:53`; names are not witnesses, for a resolver may be what is broken. */
function parsePlace(text: string): {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
} {
  const [, host = "", port = ""] = /^(.*):([^:]*)$/.exec(text) ?? [];
  const address = literal(host.replace(/^\[(.*)\]$/, "$1"));
  if (address === undefined) throw new Error(`"${text}" must be address:port, IPv6 in brackets`);
  return { ...address, port: parsePort(port) };
}

/** What the whole of Cuir and each target may have. */
export const rules = {
  interval: setting(parseSpanMs, "5s", "Time between two probes of a target."),
  timeout: setting(
    parseDeadline("1ms"),
    "3s",
    "Deadline of one probe over all its phases, name resolution included.",
  ),
  fall: setting(
    parseCount(1, 1000),
    "2",
    "Failed probes in a row after which a target is down; where some of them were only degraded, it is degraded.",
  ),
  recheck: setting(
    parseSpanMs,
    "1s",
    "Time to the next probe while a failure waits for its confirmation by `fall`.",
  ),
  rise: setting(
    parseCount(1, 1000),
    "1",
    "Good probes in a row after which a target is up again; where some of them were degraded, it is degraded.",
  ),
  emit: setting(
    parseChoice("changes", "failures", "all"),
    "changes",
    "What is sent: `changes` (transitions, reminders, summaries), `failures` (also every failed probe), `all`.",
  ),
  remind: setting(
    parseUnlessNone(parseSpanMs),
    "1h",
    "Time between two reminders while a target is down; `none` for no reminders.",
  ),
  notify: setting(
    parseChoice("changes", "down", "failures", "none"),
    "changes",
    "What is tagged for people: `changes` (down, degraded, up again, reminders), `down` (without the good news: down, degraded, reminders), `failures` (also every failed probe that is sent), `none`.",
  ),
  address: setting(
    parseChoice("any", "all", "first"),
    "any",
    "Of a name with several addresses: `any` must answer (a whole family, IPv4 or IPv6, that does not makes it degraded), `all` must, or only the `first` is asked.",
  ),
  slow: setting(
    parseUnlessNone(parseSpanMs),
    "none",
    "A good probe that takes longer makes the target degraded.",
  ),
  flap_changes: setting(
    parseUnlessNone(parseCount(3, 1000)),
    "6",
    "So many changes within `flap_window` make a target flapping: people hear one digest each `flap_window` in place of each change.",
  ),
  flap_window: setting(parseSpanMs, "10m", "The window of `flap_changes`."),
  summary: setting(
    parseUnlessNone(parseSpanMs),
    "none",
    "Time between two summaries of each target (count, loss, min/p50/p99), or `none`.",
  ),
};

export const settings = {
  ...rules,
  lowercase_names: setting(
    parseBoolean,
    "off",
    "Lowers the programs' names, as the original did without being asked.",
  ),
  isolation: setting(
    parseBoolean,
    "on",
    "When every host falls silent at once, tell that the prober is isolated, and hold the targets' verdicts back.",
  ),
  witnesses: setting(
    orNone(parseList(parsePlace), []),
    "",
    "Places (address:port, …) that answer as long as this prober's own network works; without them (`none`) the other targets serve.",
  ),
  heartbeat: setting(
    parseUnlessNone(parseSpanMs),
    "5m",
    "Time between two `prober alive` events, or `none`.",
  ),
  shard: setting(
    parseUnlessNone(parseShard),
    "none",
    "`2/5`: this Cuir probes the second of five parts of the list; `host/5` takes the number at the end of the host's name (a StatefulSet's ordinal).",
  ),
};

/** What `[Cuir:Program]` may set: the rules above and what is the target's alone. */
export const targetSettings = {
  ...rules,
  severity: optional(parseText, "A word for the readers: copied into the event."),
  runbook_url: optional(parseUnlessNone(parseText), "Where people read what to do: copied into the event."),
  labels: optional(orNone(parsePairs, {}), "`k=v, …`: copied into the target's events."),
  tags: optional(
    orNone(parseList(parseTag), []),
    "Further tags of the target's events; not the words that Cuir itself uses, such as `notification` and `down`.",
  ),
  depends_on: optional(
    orNone(parseList(parseText), []),
    "Programs without which this one cannot be up: while one of them is down, people are not told of this one.",
  ),
  inverted: optional(parseBoolean, "The port must stay closed: refused or silent is up, open is down."),
  send: optional(
    parsePayload,
    "What is sent (udp, or tcp and tls before `expect`); `\\r \\n \\t \\\\ \\xNN` are understood.",
    { secret: true },
  ),
  expect: optional(parsePattern, "A regular expression that the answer must match (tcp, tls, udp)."),
  dialogue: optional(
    parseDialogue,
    "Lines of `expect REGEX`, `send TEXT` and `starttls`, in turn (tcp, tls).",
    { secret: true },
  ),
  tls_ca: optional(
    parseUnlessNone(parseText),
    "A PEM file of the authorities to trust in place of the system's.",
  ),
  tls_name: optional(
    parseText,
    "The name that the certificate must have and that is asked for (SNI); default: the target's host.",
  ),
  tls_verify: optional(parseBoolean, "`off`: the certificate is told in the event but not judged."),
  tls_days: optional(
    orNone(parseCount(0, 10_000), 0),
    "Degraded when the certificate has fewer days left; default 14.",
  ),
  tls_versions: optional(
    parseList(parseChoice("tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3")),
    "Protocols that may be agreed on.",
  ),
  tls_cert: optional(parseUnlessNone(parseText), "Our own certificate, a PEM file."),
  tls_key: optional(parseUnlessNone(parseText), "Its key, a PEM file."),
  tls_expect: optional(
    parseChoice("handshake", "client_certificate"),
    "`client_certificate`: up when the server refuses us for want of one.",
  ),
  http_method: optional(parseChoice("get", "head", "post", "options"), "Default `get`."),
  http_headers: optional(parsePairs, "`Name=value, …`: sent with the request.", { secret: true }),
  http_status: optional(parseStatuses, "What is good: `200-299, 401`; default `200-399`."),
  http_header: optional(
    parsePattern,
    "A regular expression that one `Name: value` line of the answer must match.",
  ),
  http_body: optional(parsePattern, "A regular expression that the first megabyte of the body must match."),
  http_not_body: optional(
    parsePattern,
    "A regular expression that the first megabyte of the body must not match.",
  ),
  http_redirects: optional(orNone(parseCount(0, 20), 0), "How many redirects are followed; default 5."),
  http_proxy: optional(parseUnlessNone(parseText), "`http://proxy:3128`: the way to the target."),
  dns_name: optional(parseText, "The name that is asked for (also in the URL's path)."),
  dns_type: optional(
    parseChoice("a", "aaaa", "cname", "mx", "ns", "ptr", "soa", "srv", "txt"),
    "The type of record; default `a`.",
  ),
  dns_expect: optional(parseList(parseText), "Answers that must be among those given."),
};

function parseStatuses(text: string): readonly (readonly [from: number, to: number])[] {
  return parseList((part) => {
    const [, from, to] = /^(\d{3})(?:-(\d{3}))?$/.exec(part) ?? [];
    if (from === undefined) throw new Error(`"${part}" is no status: write 200, or 200-299`);
    return [Number(from), Number(to ?? from)] as const;
  })(text);
}

export type Rules = Values<typeof rules>;
export type ProbeSettings = Values<typeof settings>;
/** Only what is given. */
export type TargetValues = {
  readonly [K in keyof typeof targetSettings]?: Values<typeof targetSettings>[K] | undefined;
};

/** [Cuir:Program] over [Cuir]. */
export function rulesOf(settings: Rules, values: TargetValues): Rules {
  const own = values as Partial<Record<string, unknown>>;
  return Object.fromEntries(
    Object.keys(rules).map((key) => [key, key in own ? own[key] : settings[key as keyof Rules]]),
  ) as unknown as Rules;
}
