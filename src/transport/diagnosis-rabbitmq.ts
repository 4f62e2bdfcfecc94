// The way through RabbitMQ to the reader: login, exchange and queue, alarms, readers, queues that drop their head.
import { type Address, formatAddress } from "./address.ts";
import type { DiagnosisOptions } from "./diagnosis-redis.ts";
import { examine, type Finding, judgeExpiry } from "./finding.ts";
import { toNetworkError } from "./network-errors.ts";
import { type RabbitmqAccess, rabbitmqAccess, rabbitmqNames } from "./rabbitmq-access.ts";
import { openRabbitmqConnection, type RabbitmqConnection } from "./rabbitmq-connection.ts";
import { isRefusal, toRabbitmqError, wordsOf } from "./rabbitmq-errors.ts";
import { exchangeOf, prepareTopology } from "./rabbitmq-topology.ts";
import type { RabbitmqValues } from "./settings.ts";
import { readTlsFiles } from "./tls.ts";
import { TransportError } from "./transport.ts";

export async function diagnoseRabbitmq(
  values: RabbitmqValues,
  options: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const access = rabbitmqAccess(values);
  const each: (readonly Finding[])[] = [];
  for (const address of access.addresses)
    each.push(await examine("connection", () => lookAt(address, values, access, options)));
  const well = each.filter((findings) => findings.every(({ level }) => level !== "error"));
  if (well.length === 0) return each.flat();
  const soften = (finding: Finding): Finding =>
    finding.level === "error"
      ? { level: "warning", subject: finding.subject, message: finding.message }
      : finding;
  return [...each.flat().map(soften), logstashLines(values)];
}

async function lookAt(
  address: Address,
  values: RabbitmqValues,
  access: RabbitmqAccess,
  { inContainer, signal }: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const place = formatAddress(address);
  const { username, vhost, tls } = access;
  const material = tls && (await readTlsFiles(tls, rabbitmqNames));
  const opened: RabbitmqConnection[] = [];
  const open = async () => {
    const connection = await openRabbitmqConnection(address, access, { tls: material, signal });
    opened.push(connection);
    return connection;
  };
  try {
    const connection = await open();
    const found: Finding[] = [
      {
        level: "ok",
        subject: "connection",
        message: `RabbitMQ ${connection.version} at ${place} admits ${username} to vhost ${vhost}`,
      },
    ];
    const { certificate } = connection;
    if (certificate) found.push(judgeExpiry(certificate.validTo, certificate.issuer, Date.now()));
    found.push(...(await judgeQueue(open, values)));
    await tryPublishing(await open(), values);
    await refuseAlarm(await open());
    found.push({ level: "ok", subject: "alarms", message: "no memory or disk alarm stops publishers" });
    found.push(await judgeOverflow(address, values, access, signal));
    return found;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TransportError) throw error;
    const failure = opened.at(-1)?.failure ?? error;
    if (isRefusal(failure)) throw toRabbitmqError(failure, { place, username, vhost, values });
    const context = { product: "RabbitMQ", endpoint: address, inContainer, usesTls: tls !== undefined };
    throw toNetworkError(failure, { ...context, names: rabbitmqNames });
  } finally {
    for (const connection of opened) connection.destroy();
  }
}

/** Looks without declaring; where all is there, declaring the same again shows what differs. */
async function judgeQueue(
  open: () => Promise<RabbitmqConnection>,
  values: RabbitmqValues,
): Promise<readonly Finding[]> {
  const queue = values.rabbitmq_queue;
  const looking = await open();
  try {
    await prepareTopology(looking, { ...values, rabbitmq_declare: false });
  } catch (error) {
    if (!values.rabbitmq_declare || !/NOT_FOUND/.test(looking.failure?.message ?? ""))
      throw looking.failure ?? error;
    await tryDeclaring(open, values);
    return [
      {
        level: "ok",
        subject: "queue",
        message: `the queue ${queue} or its exchange is not there yet: it is declared when the first event is sent`,
      },
    ];
  }
  if (values.rabbitmq_declare) {
    const declaring = await open();
    await prepareTopology(declaring, values).catch((error: unknown) => {
      throw declaring.failure ?? error;
    });
    await tryBinding(await open(), values);
  }
  const { messageCount, consumerCount } = await looking.channel.checkQueue(queue);
  const message = `the queue ${queue} holds ${count(messageCount, "message")}, and has ${count(consumerCount, "reader")}`;
  if (consumerCount > 0) return [{ level: "ok", subject: "queue", message }];
  return [
    {
      level: "warning",
      subject: "queue",
      message,
      remedy: "start the reader (Logstash: input rabbitmq with this queue)",
    },
  ];
}

// RabbitMQ looks at our rights before it looks at what is asked: what can never be done shows them and changes nothing.
// Source: handle_method in rabbit_channel.erl (3.8 to 4.x).

/** Exchange and queue as they would be declared, each with an argument that is refused. */
async function tryDeclaring(open: () => Promise<RabbitmqConnection>, values: RabbitmqValues): Promise<void> {
  const exchange = exchangeOf(values);
  if (exchange !== "")
    await expectRefusal(await open(), ({ channel }) =>
      channel.assertExchange(exchange, values.rabbitmq_exchange_type, {
        durable: values.rabbitmq_exchange_durable,
        arguments: { "alternate-exchange": 0 },
      }),
    );
  await expectRefusal(await open(), ({ channel }) =>
    channel.assertQueue(values.rabbitmq_queue, {
      durable: values.rabbitmq_queue_durable,
      arguments: { "x-max-length": -1 },
    }),
  );
}

/** Unbinding asks for the same rights as binding; there is no binding of that name. */
async function tryBinding(connection: RabbitmqConnection, values: RabbitmqValues): Promise<void> {
  const exchange = exchangeOf(values);
  if (exchange === "") return;
  await expectRefusal(connection, ({ channel }) =>
    channel.unbindQueue(values.rabbitmq_queue, exchange, `moustash-probe-${performance.now()}`),
  );
}

/** A message that can reach no queue, for its time to live is no number. */
async function tryPublishing(connection: RabbitmqConnection, values: RabbitmqValues): Promise<void> {
  await expectRefusal(connection, async ({ channel }) => {
    const trouble = new Promise<void>((resolve) => void connection.onTrouble(resolve));
    channel.publish(exchangeOf(values), values.rabbitmq_queue, Buffer.alloc(0), { expiration: "none" });
    await trouble;
  });
}

/** That something differs, or is not there, is what we wanted to hear. */
async function expectRefusal(
  connection: RabbitmqConnection,
  ask: (connection: RabbitmqConnection) => Promise<unknown>,
): Promise<void> {
  const thrown: unknown = await ask(connection).then(
    () => undefined,
    (error: unknown) => error,
  );
  const refusal = connection.failure ?? thrown;
  if (refusal === undefined) return;
  const words = refusal instanceof Error ? wordsOf(refusal) : "";
  if (/^NOT_FOUND|^PRECONDITION_FAILED - inv|inequivalent arg 'alternate-exchange'/.test(words)) return;
  throw refusal;
}

const count = (number: number, noun: string) => (number === 1 ? `one ${noun}` : `${number} ${noun}s`);

/** RabbitMQ tells of an alarm only to who publishes: here what no queue gets. */
async function refuseAlarm(connection: RabbitmqConnection): Promise<void> {
  const { channel } = connection;
  const trouble = new Promise<void>((resolve) => void connection.onTrouble(resolve));
  channel.publish("", `moustash-probe-${performance.now()}`, Buffer.alloc(0));
  await Promise.race([
    trouble,
    channel.waitForConfirms().then(
      () => channel.checkExchange("amq.direct"),
      () => undefined,
    ),
  ]);
  if (connection.blocked !== undefined)
    throw new TransportError(
      "unavailable",
      `RabbitMQ at ${connection.place} takes nothing now (${connection.blocked}): a reader must drain its queues, or memory and disk be given to it`,
    );
}

/** The length limits of a queue are told by the management plugin alone. */
async function judgeOverflow(
  { host }: Address,
  { rabbitmq_queue: queue }: RabbitmqValues,
  { username, password, vhost }: RabbitmqAccess,
  signal: AbortSignal,
): Promise<Finding> {
  const place = `http://${formatAddress({ host, port: 15_672 })}`;
  const subject = "overflow";
  try {
    const url = `${place}/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(queue)}`;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const soon = AbortSignal.any([signal, AbortSignal.timeout(1500)]);
    const response = await fetch(url, { headers: { authorization }, signal: soon });
    if (!response.ok) throw new Error(`${response.status}`);
    const { arguments: own = {}, effective_policy_definition: policy = {} } = (await response.json()) as {
      arguments?: Record<string, unknown>;
      effective_policy_definition?: Record<string, unknown>;
    };
    const limit = ["max-length", "max-length-bytes"].find((name) => name in policy || `x-${name}` in own);
    const overflow = policy["overflow"] ?? own["x-overflow"] ?? "drop-head";
    if (limit === undefined || overflow !== "drop-head")
      return { level: "ok", subject, message: "the queue never drops its oldest messages for want of room" };
    return {
      level: "warning",
      subject,
      message: `the queue has a ${limit} and drops its oldest messages when it is reached`,
      remedy: "a policy with overflow reject-publish: then events wait in our spool instead",
    };
  } catch {
    signal.throwIfAborted();
    return {
      level: "warning",
      subject,
      message: `whether the queue drops its oldest messages (max-length with drop-head) cannot be seen: the management plugin does not answer at ${place}`,
    };
  }
}

function logstashLines(values: RabbitmqValues): Finding {
  const { rabbitmq_queue: queue, rabbitmq_queue_durable: durable } = values;
  const type = values.rabbitmq_queue_type === "quorum" ? ' arguments => { "x-queue-type" => "quorum" }' : "";
  const exchange = exchangeOf(values) === "" ? "" : ` (exchange ${exchangeOf(values)} is ours to declare)`;
  return {
    level: "ok",
    subject: "Logstash",
    message: `what fits: input { rabbitmq { queue => "${queue}" durable => ${durable}${type} passive => true } }${exchange}`,
  };
}
