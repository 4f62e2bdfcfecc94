// What RabbitMQ refuses for good: messages larger than its max_message_size.

/** The largest size in bytes, where that is why the channel was closed. */
export function tooLarge(failure: Error | undefined): number | undefined {
  const match = /message size \d+ is larger than (?:configured )?max size (\d+)/.exec(failure?.message ?? "");
  return match ? Number(match[1]) : undefined;
}
