// What of a broker's settings does not go together, or names files that cannot be used, when each alone is right.
import { rabbitmqAccess, rabbitmqNames } from "./rabbitmq-access.ts";
import { redisAccess, redisNames } from "./redis-access.ts";
import { refuseRabbitmq, refuseRedis } from "./refuse.ts";
import type { TransportValues } from "./settings.ts";
import { type TlsFiles, type TlsNames, readTlsFiles } from "./tls.ts";

export interface Judgement {
  /** The settings that it is about, the first of which are where it is said. */
  readonly keys: readonly string[];
  /** Throws a TransportError that says what is wrong. */
  readonly check: () => Promise<void>;
}

export function judgeTransport(values: TransportValues): readonly Judgement[] {
  if (values.transport === "stdout") return [];
  const isRedis = values.transport === "redis";
  const names = isRedis ? redisNames : rabbitmqNames;
  const { tls } = isRedis ? redisAccess(values) : rabbitmqAccess(values);
  return [
    {
      keys: isRedis
        ? ["redis_sentinels", "redis_sentinel_name"]
        : ["rabbitmq_queue_type", "rabbitmq_queue_durable"],
      check: async () => (isRedis ? refuseRedis(values) : refuseRabbitmq(values)),
    },
    ...(tls ? judgeFiles(tls, names) : []),
  ];
}

const judgeFiles = ({ ca, cert, key }: TlsFiles, names: TlsNames): readonly Judgement[] => [
  { keys: [names.ca], check: async () => void (await readTlsFiles({ ca }, names)) },
  { keys: [names.cert, names.key], check: async () => void (await readTlsFiles({ cert, key }, names)) },
];
