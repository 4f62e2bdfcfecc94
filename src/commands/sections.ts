// Which tables make up each section: the one list that the mains, --help and docs/CONFIGURATION.md are made from.
import { includeSettings } from "../config/lists.ts";
import { sharedSettings } from "../config/settings.ts";
import { panpanSettings } from "../message/settings.ts";
import { moustashSettings } from "./moustash-settings.ts";
import { cuirMonitorSettings, fouetMonitorSettings } from "../monitor/settings.ts";
import { settings as probeSettings, targetSettings } from "../probe/settings.ts";
import { spoolSettings } from "../spool/settings.ts";
import { fouetSettings as listenerSettings } from "../supervisor/settings.ts";
import { rabbitmqSettings, redisSettings, transportSettings } from "../transport/settings.ts";

export { moustashSettings };

export const cuirSettings = { ...probeSettings, ...includeSettings, ...cuirMonitorSettings };
export const fouetSettings = { ...listenerSettings, ...fouetMonitorSettings };

export { targetSettings };

/** What each tool judges: [Moustash] and its own section. */
export const cuirSections = { Moustash: moustashSettings, Cuir: cuirSettings };
export const fouetSections = { Moustash: moustashSettings, Fouet: fouetSettings };
export { panpanSections } from "./panpan-sections.ts";

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
