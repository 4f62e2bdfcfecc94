// What RabbitMQ refuses for good: messages larger than its max_message_size, routing keys longer than AMQP can say.
import type { Sent } from "./transport.ts";
import type { Message } from "./rabbitmq-publish.ts";

/** Of a short string in AMQP 0-9-1. */
const mostKeyBytes = 255;

/** Those whose routing key cannot be said at all. */
export function keysTooLong(messages: readonly Message[]): Sent["rejected"] {
  return messages
    .filter(({ key }) => Buffer.byteLength(key) > mostKeyBytes)
    .map(({ envelope, key }) => ({
      envelope,
      reason: `RabbitMQ: the routing key has ${Buffer.byteLength(key)} bytes, ${mostKeyBytes} are possible: shorten rabbitmq_key, or what fills it (${key.slice(0, 40)}…)`,
    }));
}

/** The largest size in bytes, where that is why the channel was closed. */
export function tooLarge(failure: Error | undefined): number | undefined {
  const match = /message size \d+ is larger than (?:configured )?max size (\d+)/.exec(failure?.message ?? "");
  return match ? Number(match[1]) : undefined;
}
