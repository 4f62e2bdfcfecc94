// What PanPan judges, apart from the other tools' tables: a one-shot does not load those.
import { panpanSettings } from "../message/settings.ts";
import { moustashSettings } from "./moustash-settings.ts";

export const panpanSections = { Moustash: moustashSettings, Panpan: panpanSettings };
