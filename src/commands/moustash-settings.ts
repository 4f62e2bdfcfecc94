// [Moustash]: what the rooms that all tools share are told.
import { sharedSettings } from "../config/settings.ts";
import { spoolSettings } from "../spool/settings.ts";
import { rabbitmqSettings, redisSettings, transportSettings } from "../transport/settings.ts";

export const moustashSettings = {
  transport: transportSettings.transport,
  ...sharedSettings,
  ...spoolSettings,
  ...redisSettings,
  ...rabbitmqSettings,
};
