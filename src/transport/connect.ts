// The table of transports: which broker the configuration names.
import { connectRabbitmq } from "./rabbitmq.ts";
import { connectRedis } from "./redis.ts";
import type { TransportValues } from "./settings.ts";
import { connectStdout } from "./stdout.ts";
import type { Transport } from "./transport.ts";

export interface ConnectOptions<V = TransportValues> {
  /** The settings as they read now; called before each connection but the first, for rotated secrets. */
  readonly reread?: () => Promise<V> | V;
  /** Whether 127.0.0.1 is a container's own; found out where it is left out. */
  readonly inContainer?: boolean;
}

type Connect = (values: TransportValues, options: ConnectOptions) => Transport;

const transports: Record<TransportValues["transport"], Connect> = {
  redis: connectRedis,
  rabbitmq: connectRabbitmq,
  stdout: () => connectStdout(),
};

/**
 * Gives the transport that the settings name. Nothing is loaded or connected before the first `send`.
 * Throws a TransportError (misconfigured) where settings contradict each other.
 */
export function connectTransport(values: TransportValues, options: ConnectOptions = {}): Transport {
  return transports[values.transport](values, options);
}
