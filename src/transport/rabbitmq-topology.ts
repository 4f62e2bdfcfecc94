// Exchange, queue and bindings: declared as the settings say, or looked for where they are another's.
import type { RabbitmqConnection } from "./rabbitmq-connection.ts";
import type { RabbitmqValues } from "./settings.ts";
import { TransportError } from "./transport.ts";

/** RabbitMQ's default exchange leads to each queue by its name. */
export function exchangeOf({ rabbitmq_exchange: name }: RabbitmqValues): string {
  return /^none$/i.test(name) ? "" : name;
}

/** Rejects with amqplib's error, which holds RabbitMQ's words, or with a TransportError. */
export async function prepareTopology(connection: RabbitmqConnection, values: RabbitmqValues): Promise<void> {
  const { channel } = connection;
  const { rabbitmq_queue: queue, rabbitmq_queue_type: queueType, rabbitmq_exchange_type: type } = values;
  const exchange = exchangeOf(values);
  if (!values.rabbitmq_declare) {
    if (exchange !== "") await channel.checkExchange(exchange);
    await channel.checkQueue(queue);
    return;
  }
  requireVersion(connection, queueType);
  if (exchange !== "")
    await channel.assertExchange(exchange, type, { durable: values.rabbitmq_exchange_durable });
  await channel.assertQueue(queue, {
    durable: values.rabbitmq_queue_durable,
    ...(queueType === "quorum" ? { arguments: { "x-queue-type": "quorum" } } : {}),
  });
}

export async function bindKey(
  { channel }: RabbitmqConnection,
  values: RabbitmqValues,
  key: string,
): Promise<void> {
  // The hashing exchanges take a weight for a key.
  const pattern = values.rabbitmq_exchange_type.startsWith("x-") ? "1" : key;
  await channel.bindQueue(values.rabbitmq_queue, exchangeOf(values), pattern);
}

function requireVersion({ place, version }: RabbitmqConnection, queueType: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (queueType !== "quorum" || major > 3 || (major === 3 && minor >= 8)) return;
  throw new TransportError(
    "misconfigured",
    `RabbitMQ at ${place} is ${version}, and rabbitmq_queue_type = quorum needs 3.8 or newer`,
  );
}
