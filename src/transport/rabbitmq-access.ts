// How to reach and enter RabbitMQ, from its settings: where the URL says something, it wins.
import type { Address } from "./address.ts";
import type { RabbitmqValues } from "./settings.ts";
import type { TlsFiles } from "./tls.ts";

export interface RabbitmqAccess {
  readonly addresses: readonly Address[];
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  readonly tls: TlsFiles | undefined;
}

export const rabbitmqNames = {
  host: "rabbitmq_host",
  tls: "rabbitmq_ssl",
  ca: "rabbitmq_ssl_cacert",
  cert: "rabbitmq_ssl_cert",
  key: "rabbitmq_ssl_key",
} as const;

/** Source of the URL's form: the RabbitMQ URI specification; an empty path says nothing of the vhost. */
export function rabbitmqAccess(values: RabbitmqValues): RabbitmqAccess {
  const url = values.rabbitmq_url;
  return {
    addresses: (url?.host === undefined ? values.rabbitmq_host : [{ host: url.host, port: url.port }]).map(
      ({ host, port = values.rabbitmq_port }) => ({ host, port }),
    ),
    username: url?.username ?? values.rabbitmq_username,
    password: url?.password ?? values.rabbitmq_password,
    vhost: url?.vhost ?? values.rabbitmq_vhost,
    tls:
      values.rabbitmq_ssl || url?.tls
        ? { ca: values.rabbitmq_ssl_cacert, cert: values.rabbitmq_ssl_cert, key: values.rabbitmq_ssl_key }
        : undefined,
  };
}
