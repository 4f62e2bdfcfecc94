// The [Moustash] settings that belong to no other room: what all three tools share beside transport and spool.
import { optional, orNone, parseChoice, parseDeadline, parsePairs, parseText, setting } from "../setting.ts";

export const sharedSettings = {
  accept_within: setting(
    parseDeadline("0"),
    "50ms",
    "How long the broker has to acknowledge an event before the spool takes it.",
  ),
  drain_timeout: setting(
    parseDeadline("0"),
    "7s",
    "How long a daemon that is told to end may take to deliver what it still holds.",
  ),
  host: optional(
    parseText,
    "The `host` of every event. Default: the machine's name (in a container, set it: that name is a random id).",
    { aliases: ["hostname"] },
  ),
  labels: setting(orNone(parsePairs, {}), "", "Copied into every event: `env=prod, team=web`; or `none`."),
  format: setting(
    parseChoice("logstash", "ecs"),
    "logstash",
    "The shape of events: `logstash`, or `ecs` for indices with templates of the Elastic Common Schema.",
  ),
  log_level: setting(
    parseChoice("debug", "info", "warn", "error"),
    "info",
    "The least level that is logged (on stderr): `debug`, `info`, `warn` or `error`.",
  ),
  log_format: setting(
    parseChoice("json", "text"),
    "json",
    "One JSON object on each line of the log, or `text` for people.",
  ),
};
