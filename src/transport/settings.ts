// The settings of the brokers: where they are, who we are to them, and what they are told of each event.
import {
  optional,
  parseBoolean,
  parseChoice,
  parseCount,
  parseList,
  parsePort,
  parseText,
  parseUnlessNone,
  setting,
  type Settings,
  type Values,
} from "../setting.ts";
import { parseAddress } from "./address.ts";
import { parseRabbitmqUrl, parseRedisUrl } from "./urls.ts";

/** What Redis must have done before an event counts as accepted. */
export type RedisWait =
  | { readonly for: "nothing" }
  | { readonly for: "replicas"; readonly count: number }
  | { readonly for: "aof" };

/** `none`, `replicas:2`, `aof`. */
export function parseRedisWait(text: string): RedisWait {
  if (/^(none|off)$/i.test(text)) return { for: "nothing" };
  if (/^aof$/i.test(text)) return { for: "aof" };
  const count = Number(/^replicas:\s*(\d+)$/i.exec(text)?.[1]);
  if (count >= 1) return { for: "replicas", count };
  throw new Error(`"${text}" is unknown: it must be none, replicas:1 (or more), or aof`);
}

function parseAddresses(text: string) {
  const addresses = parseList(parseAddress)(text);
  if (addresses.length === 0) throw new Error("names no host");
  return addresses;
}

const maybeText = parseUnlessNone(parseText);

export const redisSettings = {
  redis_ip: setting(
    parseAddresses,
    "localhost",
    "Host of the Redis server; several independent ones as `a:6379, b:6379`.",
    { aliases: ["redis_host"], insteadOf: ["redis_socket", "redis_sentinels", "redis_sentinel_name"] },
  ),
  redis_port: setting(parsePort, "6379", "Port where `redis_ip` names none."),
  redis_db: setting(parseCount(), "0", "Number of the database; a cluster has only 0."),
  redis_namespace: setting(
    parseText,
    "logstash:moustash",
    "Key of the list; may hold `%{type}`, `%{host}` and `%{program}`.",
    { aliases: ["redis_key"] },
  ),
  redis_username: optional(maybeText, "ACL user (Redis 6 or newer)."),
  redis_password: optional(parseText, "Password.", { secret: true }),
  redis_socket: optional(maybeText, "Path of a unix socket, instead of `redis_ip`.", {
    insteadOf: ["redis_ip", "redis_sentinels", "redis_sentinel_name"],
  }),
  redis_url: optional(
    parseUnlessNone(parseRedisUrl),
    "`redis://user:password@host:port/db`, `rediss://…` for TLS, `unix:///path?db=0`; what it names wins over the settings of its own in the same place.",
    { secret: true, parts: (texts) => texts ?? {} },
  ),
  redis_tls: setting(parseBoolean, "off", "Whether to speak TLS."),
  redis_tls_ca: optional(maybeText, "PEM file of the certificate authority; without it, the public ones."),
  redis_tls_cert: optional(maybeText, "PEM file of our client certificate."),
  redis_tls_key: optional(maybeText, "PEM file of our client certificate's key."),
  redis_sentinels: optional(
    parseUnlessNone(parseAddresses),
    "Sentinels, as `a:26379, b:26379`; they know the master.",
    { insteadOf: ["redis_ip", "redis_socket"] },
  ),
  redis_sentinel_name: optional(maybeText, "Name of the master that the Sentinels watch."),
  redis_sentinel_username: optional(maybeText, "ACL user at the Sentinels themselves."),
  redis_sentinel_password: optional(parseText, "Password at the Sentinels themselves.", { secret: true }),
  redis_cluster: setting(parseBoolean, "off", "Whether `redis_ip` names nodes of a Redis Cluster."),
  redis_balance: setting(
    parseBoolean,
    "off",
    "With several servers: off, the next one where one is away; on, spread by run.",
  ),
  redis_max_length: optional(
    parseUnlessNone(parseCount(1)),
    "Stop at that length of the list, and spool instead, until a reader made it shorter.",
  ),
  redis_wait: setting(
    parseRedisWait,
    "none",
    "What accepted means at Redis: `none` in its memory, `replicas:N` also in that of N replicas, `aof` on its disk (Redis 7.2).",
  ),
} satisfies Settings;

export const rabbitmqSettings = {
  rabbitmq_host: setting(
    parseAddresses,
    "localhost",
    "Host of RabbitMQ; several nodes of one cluster as `a:5672, b:5672`, tried in turn.",
  ),
  rabbitmq_port: setting(parsePort, "5672", "Port where `rabbitmq_host` names none (5671 is usual for TLS)."),
  rabbitmq_vhost: setting(parseText, "/", "Virtual host."),
  rabbitmq_username: setting(parseText, "guest", "User; RabbitMQ admits guest from its own machine only."),
  rabbitmq_password: setting(parseText, "guest", "Password.", { secret: true }),
  rabbitmq_queue: setting(parseText, "logstash-queue", "Name of the queue that Logstash reads."),
  rabbitmq_key: setting(
    parseText,
    "logstash-key",
    "Routing key; may hold `%{type}`, `%{host}` and `%{program}`.",
  ),
  rabbitmq_exchange: setting(
    parseText,
    "logstash-exchange",
    "Name of the exchange; `none` is RabbitMQ's default one, which leads straight to the queue.",
  ),
  rabbitmq_exchange_type: setting(
    parseChoice("direct", "fanout", "topic", "headers", "x-consistent-hash", "x-modulus-hash"),
    "direct",
    "Type of the exchange.",
  ),
  rabbitmq_exchange_durable: setting(
    parseBoolean,
    "on",
    "Whether the exchange survives a restart of RabbitMQ.",
  ),
  rabbitmq_queue_durable: setting(parseBoolean, "on", "Whether the queue survives a restart of RabbitMQ."),
  rabbitmq_queue_type: setting(
    parseChoice("classic", "quorum"),
    "classic",
    "`quorum` keeps the queue on several nodes (RabbitMQ 3.8 or newer).",
  ),
  rabbitmq_window: setting(
    parseCount(1, 4096),
    "1",
    "How many events may wait for RabbitMQ's confirmation at a time. 64 is about ten times as fast as 1; but where it refuses one (a full queue that rejects, a binding that was removed) those behind it in the same window may be in the queue before it.",
  ),
  rabbitmq_declare: setting(
    parseBoolean,
    "on",
    "Whether to declare exchange, queue and binding; off, only look whether they are there.",
  ),
  rabbitmq_ssl: setting(parseBoolean, "off", "Whether to speak TLS.", { aliases: ["rabbitmq_tls"] }),
  rabbitmq_ssl_cacert: optional(
    maybeText,
    "PEM file of the certificate authority; without it, the public ones.",
    { aliases: ["rabbitmq_tls_ca", "rabbitmq_tls_cacert"] },
  ),
  rabbitmq_ssl_cert: optional(maybeText, "PEM file of our client certificate.", {
    aliases: ["rabbitmq_tls_cert"],
  }),
  rabbitmq_ssl_key: optional(maybeText, "PEM file of our client certificate's key.", {
    aliases: ["rabbitmq_tls_key"],
  }),
  rabbitmq_url: optional(
    parseUnlessNone(parseRabbitmqUrl),
    "`amqp://user:password@host:port/vhost`, `amqps://…` for TLS; what it names wins over the settings of its own in the same place.",
    { secret: true, parts: (texts) => texts ?? {} },
  ),
} satisfies Settings;

export const transportSettings = {
  transport: setting(
    parseChoice("redis", "rabbitmq", "stdout"),
    "redis",
    "Where events go: `redis`, `rabbitmq`, or `stdout` (ndjson, for pipes and trials).",
  ),
  ...redisSettings,
  ...rabbitmqSettings,
} satisfies Settings;

/** Read anew for each connection to the broker but the first; all others count as they were at the start. */
export const rotatedSettings: ReadonlySet<string> = new Set<keyof typeof transportSettings>([
  "redis_username",
  "redis_password",
  "rabbitmq_username",
  "rabbitmq_password",
]);

export type RedisValues = Values<typeof redisSettings>;
export type RabbitmqValues = Values<typeof rabbitmqSettings>;
export type TransportValues = Values<typeof transportSettings>;
