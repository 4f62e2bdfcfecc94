// How serious a message is: syslog's eight words (RFC 5424 §6.2.1) and their usual short forms. Pure.

const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;
export type Level = (typeof levels)[number];

const shortForms = new Map<string, Level>([
  ["warn", "warning"],
  ["err", "error"],
  ["crit", "critical"],
  ["emerg", "emergency"],
  ["panic", "emergency"],
]);

export function parseLevel(text: string): Level {
  const word = text.toLowerCase();
  const level = levels.find((candidate) => candidate === word) ?? shortForms.get(word);
  if (level === undefined) throw new Error(`"${text}" is unknown: it must be ${levels.join(", ")}`);
  return level;
}

/** Whether it reports something bad: from `error` on. */
export function isFailure(level: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf("error");
}
