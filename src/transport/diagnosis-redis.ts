// The way through Redis to the reader: what stops events, what could delete them, what Logstash cannot read.
import { formatAddress } from "./address.ts";
import { examine, type Finding, judgeExpiry } from "./finding.ts";
import { describeRedis as describe, openRedis, type RedisAccess, redisAccess } from "./redis-access.ts";
import { createClusterServers } from "./redis-cluster.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { isRedirection, isReply, toRedisError } from "./redis-errors.ts";
import { typeOf, wrongType } from "./redis-poison.ts";
import { createSentinelServers } from "./redis-sentinel.ts";
import type { RedisValues } from "./settings.ts";
import type { Endpoint } from "./socket.ts";
import { TransportError } from "./transport.ts";

export interface DiagnosisOptions {
  readonly inContainer: boolean;
  /** Ends all that is under way. */
  readonly signal: AbortSignal;
}

export async function diagnoseRedis(
  values: RedisValues,
  options: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const access = redisAccess(values);
  const found: Finding[] = [];
  if (values.redis_sentinels || values.redis_sentinel_name) {
    found.push(...(await examineRedis(values, () => throughSentinels(values, access, options))));
  } else if (values.redis_cluster) {
    found.push(...(await examineRedis(values, () => throughCluster(values, access, options))));
  } else {
    const each: (readonly Finding[])[] = [];
    for (const endpoint of access.endpoints)
      each.push(await examineRedis(values, () => lookAt(endpoint, values, access, options)));
    const hurt = each.filter((findings) => findings.some(({ level }) => level === "error"));
    // One of several that is away does not stop events.
    const stops = hurt.length === each.length;
    found.push(...each.flat().map((finding) => (stops ? finding : soften(finding))));
  }
  return [...found, ...judgeReader(values, access)];
}

/** What Redis replied in the midst of a question becomes a sentence. */
const examineRedis = (values: RedisValues, check: () => Promise<readonly Finding[]>) =>
  examine("connection", async () => {
    try {
      return await check();
    } catch (error) {
      throw isReply(error) ? toRedisError(error, { place: describe(values) }) : error;
    }
  });

const soften = (finding: Finding): Finding =>
  finding.level === "error"
    ? {
        level: "warning",
        subject: finding.subject,
        message: `${finding.message}; the others take its events`,
      }
    : finding;

async function lookAt(
  endpoint: Endpoint,
  values: RedisValues,
  access: RedisAccess,
  options: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const connection = await openRedis(endpoint, access, options);
  try {
    return await lookInto(connection, values, access);
  } finally {
    connection.destroy();
  }
}

async function throughSentinels(
  values: RedisValues,
  access: RedisAccess,
  options: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const sentinels = (values.redis_sentinels ?? []).map(({ host, port = 26_379 }) => ({ host, port }));
  const name = values.redis_sentinel_name;
  if (sentinels.length === 0 || name === undefined)
    throw new TransportError(
      "misconfigured",
      "redis_sentinels and redis_sentinel_name belong together: set both",
    );
  const login = access.sentinelLogin;
  const openSentinel = (endpoint: Endpoint, signal: AbortSignal) =>
    openRedis(endpoint, { tls: access.tls, login }, { ...options, signal, product: "Sentinel" });
  const away: Finding[] = [];
  for (const sentinel of sentinels)
    away.push(
      ...(await examine("sentinel", async () => {
        (await openSentinel(sentinel, options.signal)).destroy();
        return [
          { level: "ok", subject: "sentinel", message: `Sentinel at ${formatAddress(sentinel)} answers` },
        ];
      })),
    );
  const open = (endpoint: Endpoint, signal: AbortSignal) =>
    openRedis(endpoint, access, { ...options, signal });
  const servers = createSentinelServers({ sentinels, name, username: login.username, openSentinel, open });
  try {
    const findings = await servers.on({ key: "", run: "" }, options.signal, (connection) =>
      lookInto(connection, values, access),
    );
    return [...away.map(soften), ...findings];
  } finally {
    servers.destroy();
  }
}

async function throughCluster(
  values: RedisValues,
  access: RedisAccess,
  options: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const addresses = access.endpoints.flatMap((endpoint) => ("path" in endpoint ? [] : [endpoint]));
  const servers = createClusterServers(addresses, (endpoint, signal) =>
    openRedis(endpoint, access, { ...options, signal }),
  );
  try {
    return await servers.on({ key: values.redis_namespace, run: "" }, options.signal, (connection) =>
      lookInto(connection, values, access),
    );
  } finally {
    servers.destroy();
  }
}

/** Everything about one server; throws where it refuses what sending needs. */
async function lookInto(
  connection: RedisConnection,
  values: RedisValues,
  access: RedisAccess,
): Promise<readonly Finding[]> {
  const { place } = connection;
  const key = values.redis_namespace;
  const mayWrite = await tryWriting(connection, key, access);
  const info = await readInfo(connection);
  const version = info["valkey_version"]
    ? `Valkey ${info["valkey_version"]}`
    : `Redis ${info["redis_version"] ?? ""}`;
  const user = access.login.username ?? "default";
  const found: Finding[] = [
    {
      level: "ok",
      subject: "connection",
      message: `${version} at ${place} answers${mayWrite ? `, and lets ${user} write` : ""}`,
    },
  ];
  if (!mayWrite)
    found.push({
      level: "warning",
      subject: "rights",
      message: `whether ${user} may RPUSH cannot be seen without writing (MULTI is not permitted)`,
    });
  const { certificate } = connection;
  if (certificate) found.push(judgeExpiry(certificate.validTo, certificate.issuer, Date.now()));
  // What is wrong with one thing is no reason to keep the others back.
  const judge = async (subject: string, findings: () => Promise<readonly Finding[]> | readonly Finding[]) =>
    void found.push(...(await examine(subject, async () => findings())));
  await judge("key", () => judgeKey(connection, values));
  if (Object.keys(info).length === 0)
    found.push({
      level: "warning",
      subject: "rights",
      message: `INFO is not permitted to ${user}: eviction, persistence and replicas cannot be seen`,
    });
  else {
    await judge("eviction", () => judgeMemory(info));
    await judge("persistence", () => judgePersistence(info, values, version));
    await judge("replicas", () => judgeReplicas(info, values, place));
  }
  return found;
}

/** RPUSH in a transaction that is given up: every refusal shows, and nothing is written. False: we may not ask. */
async function tryWriting(connection: RedisConnection, key: string, access: RedisAccess): Promise<boolean> {
  try {
    await connection.call("MULTI");
    await connection.call("RPUSH", key, "");
    await connection.call("DISCARD");
    return true;
  } catch (error) {
    // A redirection is for the cluster to follow.
    if (!isReply(error) || isRedirection(error)) throw error;
    if (/^NOPERM.*(multi|discard)/i.test(error.message)) return false;
    throw toRedisError(error, { place: connection.place, key, username: access.login.username });
  }
}

async function readInfo(connection: RedisConnection): Promise<Record<string, string>> {
  try {
    const text = String(await connection.call("INFO"));
    return Object.fromEntries(
      text.split("\r\n").flatMap((line) => {
        const colon = line.indexOf(":");
        return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
      }),
    );
  } catch (error) {
    if (isReply(error)) return {};
    throw error;
  }
}

async function judgeKey(connection: RedisConnection, values: RedisValues): Promise<readonly Finding[]> {
  const key = values.redis_namespace;
  if (key.includes("%{"))
    return [{ level: "ok", subject: "key", message: `events go to keys of the form ${key}` }];
  const type = await typeOf(connection, key);
  if (type !== undefined && type !== "list" && type !== "none")
    throw new TransportError("misconfigured", wrongType(connection.place, key, type));
  const before = await lengthOf(connection, key);
  if (before === undefined) return [];
  if (values.redis_max_length !== undefined && before >= values.redis_max_length)
    throw new TransportError(
      "unavailable",
      `the list ${key} holds ${events(before)}, redis_max_length is ${values.redis_max_length}: its reader is away or too slow`,
    );
  if (before === 0)
    return [
      {
        level: "ok",
        subject: "key",
        message: `the list ${key} is empty: a reader keeps up, or nothing was sent`,
      },
    ];
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = (await lengthOf(connection, key)) ?? before;
  return [
    after < before
      ? {
          level: "ok",
          subject: "key",
          message: `the list ${key} holds ${events(after)}, and is being drained`,
        }
      : {
          level: "warning",
          subject: "key",
          message: `the list ${key} holds ${events(after)}, and nobody took one within a second`,
          remedy: "start the reader (Logstash: input redis with data_type => list and this key)",
        },
  ];
}

const events = (count: number) => (count === 1 ? "one event" : `${count} events`);

async function lengthOf(connection: RedisConnection, key: string): Promise<number | undefined> {
  try {
    return Number(await connection.call("LLEN", key));
  } catch (error) {
    if (isReply(error)) return undefined;
    throw error;
  }
}

function judgeMemory(info: Record<string, string>): readonly Finding[] {
  const policy = info["maxmemory_policy"] ?? "noeviction";
  const most = Number(info["maxmemory"] ?? 0);
  if (!policy.startsWith("allkeys"))
    return [
      {
        level: "ok",
        subject: "eviction",
        message: `maxmemory-policy is ${policy}: the list is never evicted`,
      },
    ];
  return [
    {
      level: "warning",
      subject: "eviction",
      message: `maxmemory-policy is ${policy}${most === 0 ? " (without maxmemory it does nothing yet)" : ""}: Redis could delete the whole list`,
      remedy: "CONFIG SET maxmemory-policy noeviction (or volatile-lru)",
    },
  ];
}

function judgePersistence(
  info: Record<string, string>,
  { redis_wait: wait }: RedisValues,
  version: string,
): readonly Finding[] {
  const aof = info["aof_enabled"] === "1";
  const [major = 0, minor = 0] = (info["redis_version"] ?? "").split(".").map(Number);
  if (wait.for === "aof" && (major < 7 || (major === 7 && minor < 2)))
    throw new TransportError(
      "misconfigured",
      `it is ${version}, and redis_wait = aof needs 7.2 or newer: redis_wait = none, or another server`,
    );
  if (wait.for === "aof" && !aof)
    throw new TransportError(
      "misconfigured",
      "redis_wait = aof can never be true: set appendonly yes there, or redis_wait = none",
    );
  if (info["rdb_last_bgsave_status"] === "err")
    return [
      {
        level: "warning",
        subject: "persistence",
        message: "its last save to disk failed",
        remedy: "look at its log and its disk",
      },
    ];
  return [
    aof
      ? {
          level: "ok",
          subject: "persistence",
          message: "it keeps an append-only file (appendfsync says how much a crash can take)",
        }
      : {
          level: "warning",
          subject: "persistence",
          message:
            "it keeps no append-only file: a restart forgets what it acknowledged since its last snapshot",
          remedy: "appendonly yes, and for the last second too appendfsync always or redis_wait = aof",
        },
  ];
}

function judgeReplicas(
  info: Record<string, string>,
  { redis_wait: wait }: RedisValues,
  place: string,
): readonly Finding[] {
  const count = Number(info["connected_slaves"] ?? 0);
  if (wait.for === "replicas" && count < wait.count)
    throw new TransportError(
      "unavailable",
      `Redis at ${place} has ${count} replicas, redis_wait = replicas:${wait.count} needs ${wait.count}`,
    );
  return [{ level: "ok", subject: "replicas", message: count === 1 ? "one replica" : `${count} replicas` }];
}

/** Source: the options of Logstash's redis input (3.7). */
function judgeReader(values: RedisValues, access: RedisAccess): readonly Finding[] {
  const cannot = [
    ...(access.login.username === undefined
      ? []
      : ["knows no ACL user (give it the default user's password, or another reader)"]),
    ...(values.redis_sentinels
      ? ["knows no Sentinel (give it the master's address, and change it at a fail-over)"]
      : []),
    ...(values.redis_cluster ? ["knows no Cluster (give it the node that owns the key)"] : []),
    ...(access.tls?.ca === undefined
      ? []
      : ["knows no private CA (trust it in the Java keystore of Logstash's machine, or use a tunnel)"]),
    ...(values.redis_namespace.includes("%{") ? ["reads one key: it needs an input for each"] : []),
  ];
  return cannot.map((what) => ({
    level: "warning",
    subject: "Logstash",
    message: `Logstash's redis input ${what}`,
  }));
}
