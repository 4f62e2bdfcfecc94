// Cuts a batch into commands: by size, in order, and within each part by key. Pure.
import { type Envelope, fillRoute } from "../envelope.ts";

/** Redis reads a command into memory before it runs it; larger ones gain nothing. */
const mostEvents = 4096;
const mostChars = 8 * 2 ** 20;
/** From here on proto-max-bulk-len (never less than 1 MiB) might refuse a body: then it must be alone. */
export const largeChars = 2 ** 20 / 4;

/** Parts to be sent one after the other. */
export function splitBatch(envelopes: readonly Envelope[]): readonly (readonly Envelope[])[] {
  const parts: Envelope[][] = [];
  let part: Envelope[] = [];
  let chars = 0;
  for (const envelope of envelopes) {
    const size = envelope.body.length;
    const large = size >= largeChars;
    if (part.length > 0 && (large || part.length >= mostEvents || chars + size > mostChars)) {
      parts.push(part);
      part = [];
      chars = 0;
    }
    part.push(envelope);
    chars += size;
    if (large) chars = mostChars;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

export interface Write {
  readonly key: string;
  readonly run: string;
  readonly envelopes: readonly Envelope[];
}

/** Writes that may be under way side by side: each to a key (and, where asked, for a run) of its own, in order. */
export function groupByKey(
  envelopes: readonly Envelope[],
  template: string,
  byRun: boolean,
): readonly Write[] {
  const first = envelopes[0];
  if (first === undefined) return [];
  if (!byRun && !template.includes("%{")) return [{ key: template, run: first.run, envelopes }];
  const groups = new Map<string, { key: string; run: string; envelopes: Envelope[] }>();
  for (const envelope of envelopes) {
    const key = fillRoute(template, envelope.route);
    const name = byRun ? `${envelope.run} ${key}` : key;
    const group = groups.get(name);
    if (group) group.envelopes.push(envelope);
    else groups.set(name, { key, run: envelope.run, envelopes: [envelope] });
  }
  return [...groups.values()];
}
