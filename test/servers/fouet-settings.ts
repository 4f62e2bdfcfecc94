// The [Fouet] settings as tests need them: the defaults, and what a test says in the text form.
import { fouetSettings, type FouetSettings } from "../../src/supervisor/settings.ts";

export function fouetDefaults(words: Readonly<Record<string, string>> = {}): FouetSettings {
  return Object.fromEntries(
    Object.entries(fouetSettings).map(([key, setting]) => {
      const text = words[key] ?? ("default" in setting ? setting.default : undefined);
      return [key, text === undefined ? undefined : setting.parse(text)];
    }),
  ) as unknown as FouetSettings;
}
