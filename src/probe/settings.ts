// The settings of [Cuir]: how often is probed, what counts as down, what is sent and what is tagged for people.
import {
  type Values,
  parseBoolean,
  parseChoice,
  parseCount,
  parseDurationMs,
  parseUnlessNone,
  setting,
} from "../setting.ts";

function parseSpanMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms < 1) throw new Error("it must be longer than nothing");
  return ms;
}

export const settings = {
  interval: setting(parseSpanMs, "5s", "Time between two probes of a target."),
  timeout: setting(parseSpanMs, "3s", "Deadline of one probe over all its phases, name resolution included."),
  fall: setting(parseCount(1, 1000), "2", "Failed probes in a row after which a target is down."),
  recheck: setting(
    parseSpanMs,
    "1s",
    "Time to the next probe while a failure waits for its confirmation by `fall`.",
  ),
  rise: setting(parseCount(1, 1000), "1", "Good probes in a row after which a target is up again."),
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
    "What is tagged for people: `changes` (down, up again, reminders), `down` (without the good news), `failures` (also every failed probe that is sent), `none`.",
  ),
  lowercase_names: setting(
    parseBoolean,
    "off",
    "Lowers the programs' names, as the original did without being asked.",
  ),
};

export type ProbeSettings = Values<typeof settings>;

/** What each target may have of its own. */
export type Rules = Pick<
  ProbeSettings,
  "interval" | "timeout" | "fall" | "recheck" | "rise" | "emit" | "remind" | "notify"
>;
