// Texts to values: envalid runs the parser of each setting, whatever the text's origin, and our reporter gathers.
import { type Problem, reasonOf } from "./problem.ts";
import type { Setting, Values } from "../setting.ts";
import { customCleanEnv, makeExactValidator } from "envalid";
import type { Sections } from "./names.ts";
import type { Text } from "./text.ts";

/** Secrets are shown as this. */
export const mask = "••••••";

export type SectionValues<S extends Sections> = { readonly [N in keyof S]: Values<S[N]> };

/** envalid takes undefined and null for mistakes, which `none` gives: so values travel boxed. */
interface Box {
  readonly value: unknown;
}

/**
 * Parses each setting's text; where there is none the value is undefined, where it is wrong that of the default.
 * Problems are added, never thrown.
 */
export function validate<S extends Sections>(
  sections: S,
  texts: readonly Text[],
  problems: Problem[],
): SectionValues<S> {
  const found = new Map(texts.map((text) => [nameOf(text.section, text.key), text]));
  const settings = Object.entries(sections).flatMap(([section, table]) =>
    Object.entries(table).map(([key, setting]) => ({ section, key, setting, name: nameOf(section, key) })),
  );
  const specs = Object.fromEntries(
    settings.map(({ name, setting }) => {
      const parse = makeExactValidator<Box>((text) => ({
        value: parseText(setting, text, found.get(name)!),
      }));
      return [name, parse({ default: undefined, desc: setting.help })];
    }),
  );
  const boxes = customCleanEnv(
    Object.fromEntries(texts.map((text) => [nameOf(text.section, text.key), text.text])),
    specs,
    (clean: Record<string, Box | undefined>) => clean,
    { reporter: ({ errors }) => report(errors, found, problems) },
  );
  const values: Record<string, Record<string, unknown>> = {};
  for (const { section, key, setting, name } of settings) {
    const { default: usual } = setting;
    const isWrong = found.has(name) && !boxes[name];
    (values[section] ??= {})[key] =
      isWrong && usual !== undefined ? setting.parse(usual) : boxes[name]?.value;
  }
  return values as SectionValues<S>;
}

const nameOf = (section: string, key: string): string => `${section} ${key}`;

function parseText(setting: Setting, text: string, { items }: Text): unknown {
  try {
    return items !== undefined && setting.parseItem ? items.map(setting.parseItem) : setting.parse(text);
  } catch (error) {
    const message = reasonOf(error);
    throw new Error(setting.secret ? message.replaceAll(text, mask) : message, { cause: error });
  }
}

function report(
  errors: Readonly<Record<string, Error | undefined>>,
  found: ReadonlyMap<string, Text>,
  problems: Problem[],
): void {
  for (const [name, error] of Object.entries(errors)) {
    const { section, key, origin } = found.get(name)!;
    if (error) problems.push({ origin, message: `${key}: ${error.message}`, setting: { section, key } });
  }
}
