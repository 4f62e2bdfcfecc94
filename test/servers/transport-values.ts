// Settings for a transport under test: the defaults, and over them texts as a user writes them.
import { type TransportValues, transportSettings } from "../../src/transport/settings.ts";
import type { Setting } from "../../src/setting.ts";

export function transportValues(texts: Readonly<Record<string, string | number>>): TransportValues {
  for (const key of Object.keys(texts))
    if (!(key in transportSettings)) throw new Error(`there is no setting ${key}`);
  const settings = Object.entries<Setting>(transportSettings);
  const parts = settings.map(([key, setting]) =>
    texts[key] === undefined ? {} : setting.parts?.(setting.parse(String(texts[key]))),
  );
  const all: Readonly<Record<string, string | number>> = Object.assign({}, texts, ...parts);
  const entries = settings.map(([key, setting]) => {
    const text = all[key] ?? setting.default;
    return [key, text === undefined ? undefined : setting.parse(String(text))];
  });
  return Object.fromEntries(entries) as TransportValues;
}
