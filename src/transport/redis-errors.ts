// What Redis' errors mean, each in its own sentence: away for a while, refusing us, or never going to do.
// Source: the error codes of Redis' and Valkey's server.c (shared objects) and acl.c.
import { TransportError, type TransportErrorCode } from "./transport.ts";

export interface RedisErrorContext {
  /** For people; Redis unless a Sentinel answered. */
  readonly product?: string;
  readonly place: string;
  readonly key?: string;
  readonly username?: string | undefined;
  readonly command?: string;
}

type Sentence = (context: RedisErrorContext, message: string) => string;

/** Sentinels have a user and a password of their own. */
const settingsOf = ({ product }: RedisErrorContext) =>
  product === "Sentinel"
    ? { username: "redis_sentinel_username", password: "redis_sentinel_password" }
    : { username: "redis_username", password: "redis_password" };

const rightsOf = ({ product, key = "logstash:moustash" }: RedisErrorContext) =>
  product === "Sentinel" ? "+sentinel +subscribe &+switch-master" : `~${key} +rpush`;

const user = ({ username }: RedisErrorContext) => `user ${username ?? "default"}`;

function wantsPassword(context: RedisErrorContext): string {
  const { username, password } = settingsOf(context);
  return `wants a password: set ${password} (and ${username} where it has ACL users)`;
}

/** By the first word of the reply. */
export const redisSentences: Readonly<Record<string, readonly [TransportErrorCode, Sentence]>> = {
  OOM: [
    "unavailable",
    () =>
      "is out of memory (maxmemory is reached): a reader must drain the list, or maxmemory be raised; a policy that evicts could delete events, noeviction is right",
  ],
  READONLY: [
    "unavailable",
    () =>
      "is a read-only replica: write to its master (redis_ip), or let redis_sentinels or redis_cluster find it",
  ],
  LOADING: ["unavailable", () => "is still loading its data from disk"],
  MISCONF: [
    "unavailable",
    () =>
      "takes no writes because it cannot save to its disk: look at its log, its free space and the rights of its dir",
  ],
  BUSY: ["unavailable", () => "is busy with a script: SCRIPT KILL (or FUNCTION KILL) there ends it"],
  NOREPLICAS: [
    "unavailable",
    () => "takes no writes because too few of its replicas are there (min-replicas-to-write)",
  ],
  MASTERDOWN: ["unavailable", () => "is a replica that has lost its master"],
  CLUSTERDOWN: [
    "unavailable",
    (_, message) => `is a cluster that is down or not complete: look at CLUSTER INFO there (${message})`,
  ],
  UNBLOCKED: ["unavailable", () => "has just become a replica"],
  NOAUTH: ["credentials", wantsPassword],
  WRONGPASS: [
    "credentials",
    (context) => {
      const { username, password } = settingsOf(context);
      return `refuses the password of ${user(context)}: look at ${username} and ${password} (is the user enabled?)`;
    },
  ],
  NOPERM: [
    "credentials",
    (context, message) =>
      `does not permit ${user(context)} what is needed (${message}): ACL SETUSER ${context.username ?? "default"} ${rightsOf(context)} there`,
  ],
  DENIED: [
    "misconfigured",
    () =>
      "is in protected mode (no password, and open to the network): set a password there and redis_password here",
  ],
  MOVED: [
    "misconfigured",
    (_, message) => `is a node of a cluster, and the key lives at another (${message}): redis_cluster = on`,
  ],
  ASK: ["misconfigured", () => "is a node of a cluster: redis_cluster = on"],
};

/** The same for replies that begin with ERR. */
export const redisPatterns: readonly (readonly [RegExp, TransportErrorCode, Sentence])[] = [
  [
    // What NOAUTH becomes where a batch is larger than what Redis reads of somebody it does not know.
    /unauthenticated (multi)?bulk length/i,
    "credentials",
    wantsPassword,
  ],
  [
    // Redis 5 and older; later ones say WRONGPASS.
    /invalid password/i,
    "credentials",
    (context) => `refuses the password of ${user(context)}: look at ${settingsOf(context).password}`,
  ],
  [
    /max number of clients/i,
    "unavailable",
    () => "has reached maxclients, its largest number of connections",
  ],
  [
    /DB index is out of range/i,
    "misconfigured",
    () => "has no such database: redis_db must be less than its `databases` (16 by default)",
  ],
  [
    /SELECT is not allowed in cluster mode/i,
    "misconfigured",
    () => "is a cluster, which has database 0 only: redis_db = 0, redis_cluster = on",
  ],
  [/cluster support disabled/i, "misconfigured", () => "is not part of a cluster: redis_cluster = off"],
  [
    /unknown command/i,
    "misconfigured",
    ({ command = "RPUSH" }) => `does not know the command ${command} (renamed, or a proxy that lacks it)`,
  ],
];

/** Whether Redis itself answered with an error (or the connection failed). */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** The first word: `OOM`, `WRONGTYPE`, `ERR`. */
export function replyWord(error: Error): string {
  return error.message.split(" ", 1)[0] ?? "";
}

/** A cluster's way to say that another node has the key. */
export function isRedirection(error: unknown): boolean {
  return isReply(error) && /^(MOVED|ASK) /.test(error.message);
}

/** Turns an error reply of Redis into ours. */
export function toRedisError(error: Error, context: RedisErrorContext): TransportError {
  const word = replyWord(error);
  const known = Object.hasOwn(redisSentences, word) ? redisSentences[word] : undefined;
  const [code, sentence] =
    known ??
    redisPatterns.flatMap(([pattern, ...rest]) => (pattern.test(error.message) ? [rest] : []))[0] ??
    (["unavailable", (_: RedisErrorContext, message: string) => `answered: ${message}`] as const);
  return new TransportError(
    code,
    `${context.product ?? "Redis"} at ${context.place} ${sentence(context, error.message)}`,
    { cause: error },
  );
}
