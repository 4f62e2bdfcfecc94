// The table of transports: which broker the configuration names.
import { connectRabbitmq } from "./rabbitmq.ts";
import { connectRedis } from "./redis.ts";
import type { TransportValues } from "./settings.ts";
import { connectStdout } from "./stdout.ts";
import type { ConnectOptions, Transport } from "./transport.ts";

type Connect = (values: TransportValues, options: ConnectOptions<TransportValues>) => Transport;

const transports: Record<TransportValues["transport"], Connect> = {
  redis: connectRedis,
  rabbitmq: connectRabbitmq,
  stdout: () => connectStdout(),
};

/**
 * Gives the transport that the settings name. Nothing is loaded or connected before the first `send`.
 * Throws a TransportError (misconfigured) where settings contradict each other.
 */
export function connectTransport(
  values: TransportValues,
  options: ConnectOptions<TransportValues> = {},
): Transport {
  return transports[values.transport](values, options);
}
