// What Logstash needs to read what we send: its input, made from our own configuration. Pure.
// Source: the reference of logstash-input-redis 3.7 and logstash-input-rabbitmq 7.4.

export interface Reader {
  readonly input: string;
  /** What the input cannot do that we can, or what is left to its operator. */
  readonly notes: readonly string[];
}

type Value = string | number | boolean;

export interface RedisReader {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly key: string;
  readonly hasPassword: boolean;
  readonly username: string | undefined;
  readonly socket: string | undefined;
  readonly tls: boolean;
  readonly ca: string | undefined;
  readonly several: boolean;
  readonly sentinel: boolean;
  readonly cluster: boolean;
}

export function redisReader(redis: RedisReader): Reader {
  const notes = [
    "The redis input takes an event off the list before it has processed it: what Logstash holds in memory when it is killed is lost (its persistent queue helps).",
    ...(redis.username === undefined
      ? []
      : ["The input knows no ACL user names: give the user `default` a password, or read through a proxy."]),
    ...(redis.ca === undefined
      ? []
      : [
          "The input takes no certificate authority of its own: Java's trust store of Logstash must know it.",
        ]),
    ...(redis.sentinel ? ["The input knows no Sentinels: point it at a name that follows the master."] : []),
    ...(redis.cluster ? ["The input knows no Cluster: point it at the node that owns the key."] : []),
    ...(redis.several ? ["Several servers: one such input for each."] : []),
    ...(redis.key.includes("%{") ? ["The key is made from each event: one such input for each key."] : []),
  ];
  const input = plugin("redis", {
    ...(redis.socket === undefined ? { host: redis.host, port: redis.port } : { path: redis.socket }),
    ...(redis.db !== 0 && { db: redis.db }),
    data_type: "list",
    key: redis.key,
    codec: "json",
    ...(redis.hasPassword && { password: "${REDIS_PASSWORD}" }),
    ...(redis.tls && { ssl: true }),
  });
  return { input, notes };
}

export interface RabbitmqReader {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly queue: string;
  readonly tls: boolean;
}

export function rabbitmqReader(rabbitmq: RabbitmqReader): Reader {
  const input = plugin("rabbitmq", {
    host: rabbitmq.host,
    port: rabbitmq.port,
    ...(rabbitmq.vhost !== "/" && { vhost: rabbitmq.vhost }),
    user: rabbitmq.username,
    password: "${RABBITMQ_PASSWORD}",
    queue: rabbitmq.queue,
    passive: true,
    ack: true,
    codec: "json",
    ...(rabbitmq.tls && { ssl: true }),
  });
  const notes = [
    "We declare exchange, queue and binding; `passive` makes Logstash take them as they are, so start us first.",
  ];
  return { input, notes };
}

export function stdoutReader(): Reader {
  return {
    input: plugin("stdin", { codec: "json_lines" }),
    notes: ["transport = stdout: one JSON object on each line, for `panpan … | logstash`."],
  };
}

function plugin(name: string, options: Readonly<Record<string, Value>>): string {
  const width = Math.max(...Object.keys(options).map((key) => key.length));
  const lines = Object.entries(options).map(([key, value]) => `    ${key.padEnd(width)} => ${show(value)}`);
  return `input {\n  ${name} {\n${lines.join("\n")}\n  }\n}`;
}

/** A Logstash string knows no escapes, unless config.support_escapes is on: the quotes that the text lacks. */
function show(value: Value): string {
  if (typeof value !== "string") return String(value);
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
