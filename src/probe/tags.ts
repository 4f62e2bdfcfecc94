// A target's own tags, and the words that they may not be: those of Cuir's events, or one would pass for what it is not.

const words = `
  cuir notification new up degraded down unknown failing summary test reminder flapping silenced suppressed
  removed silence begins ends configuration changed repeats lost late prober alive trouble isolated`;
const reserved: ReadonlySet<string> = new Set(words.trim().split(/\s+/));

export function parseTag(text: string): string {
  if (!reserved.has(text.toLowerCase())) return text;
  throw new Error(`"${text}" is a word that Cuir itself tags events with: choose another`);
}
