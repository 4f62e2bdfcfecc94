// What RabbitMQ's refusals mean, each in its own sentence, with the setting or the line of Logstash that fits.
// Source: the reply texts of rabbit_reader, rabbit_channel, rabbit_amqqueue and rabbit_exchange (3.8 to 4.x).
import type { RabbitmqValues } from "./settings.ts";
import { TransportError, type TransportErrorCode } from "./transport.ts";

export interface RabbitmqErrorContext {
  readonly place: string;
  readonly username: string;
  readonly vhost: string;
  readonly values: RabbitmqValues;
}

type Explanation = readonly [TransportErrorCode, string];
type Explain = (context: RabbitmqErrorContext, match: RegExpExecArray) => Explanation;

const setPermissions = (vhost: string, username: string) =>
  `rabbitmqctl set_permissions -p ${vhost} ${username} ".*" ".*" ".*"`;

/** By what RabbitMQ said, in order: the first that fits. */
export const rabbitmqExplanations: readonly (readonly [RegExp, Explain])[] = [
  [
    /^ACCESS_REFUSED - Login was refused/,
    ({ username }) => [
      "credentials",
      `refuses the login of user ${username}: look at rabbitmq_username and rabbitmq_password${
        username === "guest" ? " (guest is admitted from RabbitMQ's own machine only: create a user)" : ""
      }`,
    ],
  ],
  [/vhost .*is down/i, ({ vhost }) => ["unavailable", `says that its vhost ${vhost} is down`]],
  [
    /connection limit|number of channels/i,
    (_, { input }) => [
      "unavailable",
      `admits no more connections (${input.replace(/^[A-Z_]+ - /, "")}): end others, or raise that limit there`,
    ],
  ],
  [
    /^NOT_ALLOWED - vhost .*not found/,
    ({ vhost }) => [
      "misconfigured",
      `has no vhost ${vhost}: look at rabbitmq_vhost (rabbitmqctl add_vhost ${vhost})`,
    ],
  ],
  [
    /^NOT_ALLOWED - access to vhost/,
    ({ vhost, username }) => [
      "credentials",
      `does not admit user ${username} to vhost ${vhost}: ${setPermissions(vhost, username)}`,
    ],
  ],
  [
    /^ACCESS_REFUSED - queue name '([^']*)' contains reserved prefix/,
    (_, [, name]) => [
      "misconfigured",
      `keeps names that begin with amq. for itself, such as ${name}: give rabbitmq_queue another one`,
    ],
  ],
  [
    /^ACCESS_REFUSED - cannot publish to internal exchange '([^']*)'/,
    (_, [, name]) => [
      "misconfigured",
      `lets only other exchanges write to ${name}, which is internal: give rabbitmq_exchange another one`,
    ],
  ],
  [
    /^ACCESS_REFUSED - (.*)/,
    ({ vhost, username }, [, what]) => [
      "credentials",
      `does not permit user ${username} what is needed (${what}): ${setPermissions(vhost, username)}, or rabbitmq_declare = off where only writing is permitted`,
    ],
  ],
  [
    /^NOT_FOUND - no exchange '([^']*)'/,
    (_, [, name]) => [
      "unavailable",
      `has no exchange ${name}: create it, or rabbitmq_declare = on, or look at rabbitmq_exchange`,
    ],
  ],
  [
    /^NOT_FOUND - no queue '([^']*)'/,
    (_, [, name]) => [
      "unavailable",
      `has no queue ${name}: create it (Logstash does when it starts), or rabbitmq_declare = on, or look at rabbitmq_queue`,
    ],
  ],
  [
    /^PRECONDITION_FAILED - inequivalent arg '([^']+)' for (queue|exchange) '([^']*)' in vhost '[^']*': received (.*?) but current is (.*)$/,
    explainDifference,
  ],
  [
    /unknown exchange type '?([^'"]+)/i,
    (_, [, type]) => [
      "misconfigured",
      `does not know exchanges of type ${type}: enable its plugin there, or look at rabbitmq_exchange_type`,
    ],
  ],
  [
    /transient_nonexcl_queues|non-?durable.*(deprecated|not permitted)/i,
    () => ["misconfigured", "takes no queues that are not durable any more: rabbitmq_queue_durable = on"],
  ],
  [/^RESOURCE_LOCKED - (.*)/, (_, [, what]) => ["unavailable", `has the queue locked by another: ${what}`]],
  [
    /^CONNECTION_FORCED - (.*)/,
    (_, [, reason]) => ["unavailable", `was told to end the connection (${reason}): is it being shut down?`],
  ],
];

/** Words of the server about a queue or exchange that is there with other properties. */
function explainDifference(_: RabbitmqErrorContext, match: RegExpExecArray): Explanation {
  const [, arg = "", kind = "", name = "", received = "", current = ""] = match;
  const known = differences[`${kind} ${arg}`];
  const [ours, theirs] = [received, current].map((text) => known?.value?.(valueOf(text)) ?? valueOf(text));
  const setting = known?.setting(theirs!) ?? "rabbitmq_declare = off";
  const line = known?.logstash(theirs!) ?? "passive => true";
  return [
    "misconfigured",
    `has the ${kind} ${name} with ${arg} ${theirs}, we declare ${arg} ${ours}: ${setting} (or delete the ${kind} there); in Logstash's rabbitmq input: ${line}`,
  ];
}

const differences: Record<
  string,
  {
    /** What is meant where RabbitMQ only says `none`. */
    value?: (said: string) => string;
    setting: (theirs: string) => string;
    logstash: (theirs: string) => string;
  }
> = {
  "queue durable": {
    setting: (theirs) => `rabbitmq_queue_durable = ${theirs === "true" ? "on" : "off"}`,
    logstash: (theirs) => `durable => ${theirs}`,
  },
  "queue x-queue-type": {
    value: (said) => (said === "none" ? "classic" : said),
    setting: (theirs) => `rabbitmq_queue_type = ${theirs}`,
    logstash: (theirs) =>
      theirs === "classic" ? "no arguments" : `arguments => { "x-queue-type" => "${theirs}" }`,
  },
  "exchange type": {
    setting: (theirs) => `rabbitmq_exchange_type = ${theirs}`,
    logstash: (theirs) => `exchange_type => "${theirs}"`,
  },
  "exchange durable": {
    setting: (theirs) => `rabbitmq_exchange_durable = ${theirs === "true" ? "on" : "off"}`,
    logstash: () => "passive => true",
  },
};

/** `'true'`, `none`, `the value 'quorum' of type 'longstr'`. */
function valueOf(text: string): string {
  return /'([^']*)'/.exec(text)?.[1] ?? text;
}

/** Whether RabbitMQ itself said it (or the connection failed). */
export function isRefusal(error: unknown): error is Error {
  return (
    error instanceof Error && /closed by server|Connection closed:|terminated by server/.test(error.message)
  );
}

/** RabbitMQ's own, of what amqplib made of them. */
export function wordsOf({ message }: Error): string {
  return /with message "(.*)"$/s.exec(message)?.[1] ?? message;
}

/** Turns what RabbitMQ said when it closed a connection or channel into ours. */
export function toRabbitmqError(error: Error, context: RabbitmqErrorContext): TransportError {
  let explanation: Explanation | undefined;
  const words = wordsOf(error);
  for (const [pattern, explain] of rabbitmqExplanations) {
    const match = pattern.exec(words);
    if (match) {
      explanation = explain(context, match);
      break;
    }
  }
  const [code, sentence] = explanation ?? (["unavailable", `answered: ${words}`] as const);
  return new TransportError(code, `RabbitMQ at ${context.place} ${sentence}`, { cause: error });
}
