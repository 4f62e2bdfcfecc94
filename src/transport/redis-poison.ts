// Events that Redis refuses for good: why, in a sentence for the reject file.
import type { Envelope } from "../envelope.ts";
import { largeChars } from "./redis-batch.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { isReply, replyWord } from "./redis-errors.ts";
import { TransportError } from "./transport.ts";

export const wrongType = (place: string, key: string, type = "of another type") =>
  `Redis at ${place}: the key ${key} is not a list but ${type}: set redis_namespace to another key, or remove it there (DEL ${key})`;

/** Undefined where we may not ask; rejects with Redis' own error where it serves nobody like us now. */
export async function typeOf(connection: RedisConnection, key: string): Promise<string | undefined> {
  try {
    return String(await connection.call("TYPE", key));
  } catch (error) {
    if (isReply(error) && mayNotAsk(error)) return undefined;
    throw error;
  }
}

async function typeIfTold(connection: RedisConnection, key: string): Promise<string | undefined> {
  try {
    return await typeOf(connection, key);
  } catch (error) {
    if (isReply(error)) return undefined;
    throw error;
  }
}

/** A right or a command is missing which the answer alone needs, not the events. */
export const mayNotAsk = (error: Error) =>
  replyWord(error) === "NOPERM" || /unknown command/i.test(error.message);

/**
 * The reason, where the error will be the same for ever; undefined where it may pass.
 * `reopen` gives a new connection where Redis closed this one.
 */
export async function reasonForGood(
  error: unknown,
  {
    connection,
    key,
    envelopes,
    reopen,
  }: {
    connection: RedisConnection;
    key: string;
    envelopes: readonly Envelope[];
    reopen: () => Promise<RedisConnection>;
  },
): Promise<string | undefined> {
  const { place } = connection;
  if (isReply(error) && replyWord(error) === "WRONGTYPE")
    return wrongType(place, key, await typeIfTold(connection, key));
  const [envelope] = envelopes;
  if (envelopes.length > 1 || envelope === undefined || envelope.body.length < largeChars) return undefined;
  const bytes = Buffer.byteLength(envelope.body);
  const says = isReply(error) && /invalid bulk length/.test(error.message);
  if (error instanceof TransportError || (isReply(error) && !says)) return undefined;
  connection.destroy();
  // Redis says why and closes; the reset that follows may be faster than the words.
  return says || bytes > (await mostBytes(await reopen())) ? tooLong(place, bytes) : undefined;
}

async function mostBytes(connection: RedisConnection): Promise<number> {
  try {
    const [, value] = (await connection.call("CONFIG", "GET", "proto-max-bulk-len")) as string[];
    return Number(value) || Infinity;
  } catch (error) {
    if (isReply(error)) return Infinity;
    throw error;
  }
}

const tooLong = (place: string, bytes: number) =>
  `Redis at ${place}: the event has ${bytes} bytes, more than proto-max-bulk-len there: raise it, or lower max_event_bytes`;
