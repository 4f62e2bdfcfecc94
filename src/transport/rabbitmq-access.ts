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
  const usesTls = url === undefined ? values.rabbitmq_ssl : url.protocol === "amqps:" || values.rabbitmq_ssl;
  const urlPort = url?.port ? Number(url.port) : url?.protocol === "amqps:" ? 5671 : 5672;
  return {
    addresses: url?.hostname
      ? [{ host: url.hostname.replace(/^\[|\]$/g, ""), port: urlPort }]
      : values.rabbitmq_host.map(({ host, port = values.rabbitmq_port }) => ({ host, port })),
    username: decodeURIComponent(url?.username ?? "") || values.rabbitmq_username,
    password: decodeURIComponent(url?.password ?? "") || values.rabbitmq_password,
    vhost: decodeURIComponent(url?.pathname.slice(1) ?? "") || values.rabbitmq_vhost,
    tls: usesTls
      ? { ca: values.rabbitmq_ssl_cacert, cert: values.rabbitmq_ssl_cert, key: values.rabbitmq_ssl_key }
      : undefined,
  };
}
