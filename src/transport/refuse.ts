// Settings of one broker that contradict each other, when each alone is right. Pure.
import type { RabbitmqValues, RedisValues } from "./settings.ts";
import { TransportError } from "./transport.ts";

/** Throws a TransportError. */
export function refuseRedis(values: RedisValues): void {
  if ((values.redis_sentinels === undefined) !== (values.redis_sentinel_name === undefined))
    throw new TransportError(
      "misconfigured",
      "redis_sentinels and redis_sentinel_name belong together: set both",
    );
}

/** Throws a TransportError. */
export function refuseRabbitmq(values: RabbitmqValues): void {
  if (values.rabbitmq_queue_type === "quorum" && !values.rabbitmq_queue_durable)
    throw new TransportError(
      "misconfigured",
      "rabbitmq_queue_type = quorum is always durable: rabbitmq_queue_durable = on",
    );
}
