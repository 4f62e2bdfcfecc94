// Text that JSON.stringify writes fast.
const mostFlat = 4096;
/** Room for three bytes of each UTF-16 unit: no text is cut. */
const scratch = Buffer.alloc(3 * mostFlat);

/**
 * The same ASCII text as one piece: an event with a string of joined pieces, or with a part of another, takes
 * JSON.stringify twice as long.
 */
export function flat(text: string): string {
  const { length } = text;
  if (length > mostFlat || scratch.write(text) !== length) return text;
  return scratch.toString("latin1", 0, length);
}
