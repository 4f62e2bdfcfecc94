// fouet --setup: prints supervisord's section for the chosen way in.
import { UsageError } from "../errors.ts";
import { formatSection, type SetupWay, ways } from "../supervisor/section.ts";
import { type Listening, parseListening } from "../supervisor/settings.ts";

const defaultSocket: Listening = { kind: "unix", path: "/run/moustash/fouet.sock" };

/** `words`: the way, and where Fouet listens; both may be left out. */
export function setup(words: readonly string[], listen: readonly Listening[]): string {
  const [word, place, ...more] = words;
  const way = word === undefined ? (listen.length === 0 ? "stdio" : "socat") : wayOf(word);
  if (more.length > 0) throw new UsageError(`--setup ${words.join(" ")}: give a way and a socket at most`);
  return formatSection({ way, to: place === undefined ? (listen[0] ?? defaultSocket) : placeOf(place) });
}

function wayOf(word: string): SetupWay {
  const way = ways.find((candidate) => candidate === word);
  if (way === undefined) throw new UsageError(`--setup ${word}: it must be one of ${ways.join(", ")}`);
  return way;
}

export function placeOf(text: string): Listening {
  try {
    return parseListening(text);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
