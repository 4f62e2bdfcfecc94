// How to reach and enter Redis, from its settings.
import { formatAddress } from "./address.ts";
import { toNetworkError } from "./network-errors.ts";
import { openRedisConnection, type RedisConnection, type RedisLogin } from "./redis-connection.ts";
import { isReply, toRedisError } from "./redis-errors.ts";
import type { RedisValues } from "./settings.ts";
import { type Endpoint, tlsSilent } from "./socket.ts";
import { readTlsFiles, type TlsFiles } from "./tls.ts";

export interface RedisAccess {
  readonly endpoints: readonly Endpoint[];
  readonly login: RedisLogin;
  readonly sentinelLogin: RedisLogin;
  readonly tls: TlsFiles | undefined;
}

export const redisNames = {
  host: "redis_ip",
  socket: "redis_socket",
  tls: "redis_tls",
  ca: "redis_tls_ca",
  cert: "redis_tls_cert",
  key: "redis_tls_key",
} as const;

const namesOf = (product: string) =>
  product === "Sentinel" ? { ...redisNames, host: "redis_sentinels" } : redisNames;

export function redisAccess(values: RedisValues): RedisAccess {
  const { redis_socket: path } = values;
  return {
    endpoints:
      path === undefined
        ? values.redis_ip.map(({ host, port = values.redis_port }) => ({ host, port }))
        : [{ path }],
    login: {
      username: values.redis_username,
      password: values.redis_password,
      db: values.redis_db,
    },
    sentinelLogin: {
      username: values.redis_sentinel_username,
      password: values.redis_sentinel_password,
    },
    tls: values.redis_tls
      ? { ca: values.redis_tls_ca, cert: values.redis_tls_cert, key: values.redis_tls_key }
      : undefined,
  };
}

/** For people, without secrets. */
export function describeRedis(values: RedisValues): string {
  const { endpoints, login, tls } = redisAccess(values);
  const scheme = tls ? "rediss" : "redis";
  const places = endpoints.map((endpoint) => ("path" in endpoint ? endpoint.path : formatAddress(endpoint)));
  if (!values.redis_sentinels) return `${scheme}://${places.join(",")}/${login.db} ${values.redis_namespace}`;
  const sentinels = values.redis_sentinels.map(({ host, port = 26_379 }) => formatAddress({ host, port }));
  return `${scheme}+sentinel://${sentinels.join(",")}/${values.redis_sentinel_name}/${login.db} ${values.redis_namespace}`;
}

/** Opens a connection; rejects with a TransportError, or with the signal's reason. */
export async function openRedis(
  endpoint: Endpoint,
  { tls, login }: { tls: TlsFiles | undefined; login: RedisLogin },
  { inContainer, signal, product = "Redis" }: { inContainer: boolean; signal: AbortSignal; product?: string },
): Promise<RedisConnection> {
  const material = tls && (await readTlsFiles(tls, redisNames));
  try {
    return await openRedisConnection(endpoint, { tls: material, login, signal });
  } catch (error) {
    if ((error as { code?: string }).code !== tlsSilent) signal.throwIfAborted();
    const place = "path" in endpoint ? endpoint.path : formatAddress(endpoint);
    if (isReply(error))
      throw toRedisError(error, { product, place, username: login.username, command: "AUTH" });
    const names = namesOf(product);
    throw toNetworkError(error, { product, endpoint, inContainer, usesTls: tls !== undefined, names });
  }
}
