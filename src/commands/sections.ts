// Which tables make up each section: the one list that the mains, --help and docs/CONFIGURATION.md are made from.
import { includeSettings } from "../config/lists.ts";
import { sharedSettings } from "../config/settings.ts";

import { panpanSettings } from "../message/settings.ts";
import { cuirMonitorSettings, fouetMonitorSettings } from "../monitor/settings.ts";
import { settings as probeSettings } from "../probe/settings.ts";
import { optional, parsePairs, parseText } from "../setting.ts";
import { spoolSettings } from "../spool/settings.ts";
import { fouetSettings as listenerSettings } from "../supervisor/settings.ts";
import { rabbitmqSettings, redisSettings, transportSettings } from "../transport/settings.ts";

export const moustashSettings = {
  transport: transportSettings.transport,
  ...sharedSettings,
  ...spoolSettings,
  ...redisSettings,
  ...rabbitmqSettings,
};

export const cuirSettings = { ...probeSettings, ...includeSettings, ...cuirMonitorSettings };
export const fouetSettings = { ...listenerSettings, ...fouetMonitorSettings };

const { interval, timeout, fall, recheck, rise, emit, remind, notify } = probeSettings;

/** What `[Cuir:Program]` may give one target of its own. */
export const targetSettings = {
  interval,
  timeout,
  fall,
  recheck,
  rise,
  emit,
  remind,
  notify,
  severity: optional(parseText, "How bad it is when this target is down; carried in its events."),
  runbook_url: optional(parseText, "Where people read what to do; carried in its events."),
  labels: optional(parsePairs, "Copied into this target's events, beside those of `[Moustash]`."),
};

/** What each tool judges: [Moustash] and its own section. */
export const cuirSections = { Moustash: moustashSettings, Cuir: cuirSettings };
export const fouetSections = { Moustash: moustashSettings, Fouet: fouetSettings };
export const panpanSections = { Moustash: moustashSettings, Panpan: panpanSettings };

/** The tables of the page for users, by the name of their place in it. */
export const documentedTables = {
  shared: { transport: transportSettings.transport, ...sharedSettings },
  redis: redisSettings,
  rabbitmq: rabbitmqSettings,
  spool: spoolSettings,
  cuir: cuirSettings,
  target: targetSettings,
  fouet: fouetSettings,
  panpan: panpanSettings,
};
