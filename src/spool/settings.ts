// What a person can set of the spool.
import { parseSize, parseText, parseUnlessNone, setting } from "../setting.ts";

export const spoolSettings = {
  spool: setting(
    parseUnlessNone(parseText),
    "/var/lib/moustash",
    "The directory where accepted events wait for the broker, on a disk that outlives the container; `none`: memory.",
  ),
  spool_max_bytes: setting(
    parseSize("1KB"),
    "256MB",
    "How much may wait there: above 80 % repeats are refused, at 100 % nothing more is accepted.",
  ),
  max_event_bytes: setting(
    parseSize("1KB"),
    "1MB",
    "The largest event that is made; longer texts in it are cut and say so.",
  ),
};
