// A broker's URL is the texts of the settings that it names, decoded; what it leaves out is theirs. Messages never show
// it. Pure.

type Texts = Readonly<Record<string, string>>;

/** `redis://user:password@host:port/db`, `rediss://…`, `unix:///path?db=0`. */
export function parseRedisUrl(text: string): Texts {
  const url = parseUrl(text, ["redis:", "rediss:", "redis+unix:", "unix:"]);
  const isSocket = url.protocol.endsWith("unix:");
  const db = url.searchParams.get("db") ?? (isSocket ? "" : url.pathname.slice(1));
  if (!/^\d*$/.test(db))
    throw new Error("the database that it names must be a number: redis://host/2, unix:///path?db=2");
  return named({
    redis_socket: isSocket ? decode(url.pathname, "path") : "none",
    redis_ip: url.hostname,
    redis_port: url.port,
    redis_username: decode(url.username, "user"),
    redis_password: decode(url.password, "password"),
    redis_db: db,
    redis_tls: url.protocol === "rediss:" ? "on" : "",
  });
}

/** `amqp://user:password@host:port/vhost`, `amqps://…`; with a host goes its scheme's usual port. */
export function parseRabbitmqUrl(text: string): Texts {
  const url = parseUrl(text, ["amqp:", "amqps:"]);
  const usesTls = url.protocol === "amqps:";
  const usualPort = url.hostname === "" ? "" : usesTls ? "5671" : "5672";
  return named({
    rabbitmq_host: url.hostname,
    rabbitmq_port: url.port || usualPort,
    rabbitmq_vhost: decode(url.pathname.slice(1), "virtual host"),
    rabbitmq_username: decode(url.username, "user"),
    rabbitmq_password: decode(url.password, "password"),
    rabbitmq_ssl: usesTls ? "on" : "",
  });
}

function parseUrl(text: string, schemes: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !schemes.includes(url.protocol))
    throw new Error(
      `it must begin with ${schemes.map((scheme) => `${scheme}//`).join(" or ")} and be a URL (percent-encode special characters of the password)`,
    );
  return url;
}

/** URL leaves what is no percent-encoding as it is. */
function decode(part: string, name: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new Error(`a % in its ${name} is no percent-encoding of UTF-8: write %25 for a % that is meant`, {
      cause: error,
    });
  }
}

const named = (texts: Texts): Texts =>
  Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
