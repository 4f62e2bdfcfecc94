// What a relay says first, before supervisord's own bytes: which supervisord, and which life of it. Pure.
//
//   MOUSTASH-RELAY life=9f0c…/4026531836/1/188230 name=app-1 url=unix:///run/supervisor.sock
//
// Values are percent-encoded; keys that we do not know are ignored. Nothing of it is required.
import type { Life } from "./life.ts";

export const greetingWord = "MOUSTASH-RELAY";

export interface Greeting {
  readonly life?: Life;
  /** The relay's machine or container. */
  readonly name?: string;
  /** Of supervisord's HTTP server, as supervisord tells its children. */
  readonly url?: string;
}

export function parseGreeting(line: string): Greeting | undefined {
  const [word, ...pairs] = line.trim().split(/ +/);
  if (word !== greetingWord) return undefined;
  const values = new Map(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), decode(pair.slice(at + 1))] as const;
    }),
  );
  const id = values.get("life");
  const name = values.get("name");
  const url = values.get("url");
  const age = Number(values.get("age"));
  return {
    ...(id && {
      life: {
        id,
        pid: Number(values.get("pid")) || 0,
        ageMs: values.has("age") && age >= 0 ? age : Infinity,
        firstPoolSerial: values.get("first") === "1" ? 1 : 0,
      },
    }),
    ...(name && { name }),
    ...(url && { url }),
  };
}

export function formatGreeting({ life, name, url }: Greeting): string {
  const pairs: Record<string, string | undefined> = {
    life: life?.id,
    pid: life?.pid.toString(),
    age: life && Math.round(life.ageMs).toString(),
    first: life?.firstPoolSerial.toString(),
    name,
    url,
  };
  const words = Object.entries(pairs).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return `${[greetingWord, ...words].join(" ")}\n`;
}

/** A value that is not percent-encoded is taken as it is: relays of one line may not care. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
