// How to reach and enter RabbitMQ, from its settings.
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

export function rabbitmqAccess(values: RabbitmqValues): RabbitmqAccess {
  return {
    addresses: values.rabbitmq_host.map(({ host, port = values.rabbitmq_port }) => ({ host, port })),
    username: values.rabbitmq_username,
    password: values.rabbitmq_password,
    vhost: values.rabbitmq_vhost,
    tls: values.rabbitmq_ssl
      ? { ca: values.rabbitmq_ssl_cacert, cert: values.rabbitmq_ssl_cert, key: values.rabbitmq_ssl_key }
      : undefined,
  };
}
