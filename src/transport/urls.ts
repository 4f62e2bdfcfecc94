// What a broker's URL says, as texts of the settings that it names; what it leaves out is theirs. Pure.
import type { RabbitmqUrl, RedisUrl } from "./settings.ts";

type Texts = Readonly<Record<string, string>>;

export function redisParts(url: RedisUrl | undefined): Texts {
  if (url === undefined) return {};
  return given({
    redis_socket: url.socket ?? "none",
    redis_ip: bracketed(url.host),
    redis_port: url.port,
    redis_username: url.username,
    redis_password: url.password,
    redis_db: url.db,
    redis_tls: url.tls ? "on" : undefined,
  });
}

export function rabbitmqParts(url: RabbitmqUrl | undefined): Texts {
  if (url === undefined) return {};
  return given({
    rabbitmq_host: bracketed(url.host),
    rabbitmq_port: url.port,
    rabbitmq_vhost: url.vhost,
    rabbitmq_username: url.username,
    rabbitmq_password: url.password,
    rabbitmq_ssl: url.tls ? "on" : undefined,
  });
}

const bracketed = (host: string | undefined) => (host?.includes(":") ? `[${host}]` : host);

const given = (texts: Readonly<Record<string, string | number | undefined>>): Texts =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([key, text]) => (text === undefined ? [] : [[key, String(text)]])),
  );
