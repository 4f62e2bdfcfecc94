// Each refusal that RabbitMQ may answer, caused for real: the transport says what it means, and --doctor the same.
import assert from "node:assert/strict";
import type { Channel } from "amqplib";
import { after, before, describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import { diagnoseTransport } from "../../src/transport/diagnosis.ts";
import { rabbitmqExplanations, wordsOf } from "../../src/transport/rabbitmq-errors.ts";
import type { TransportErrorCode } from "../../src/transport/transport.ts";
import { assertRejects, makeEvents } from "../contract/transport.ts";
import { type RabbitmqServer, startRabbitmq, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { rabbitmqPrograms } from "../servers/release.ts";
import { eventually } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

type Texts = Record<string, string | number>;

interface Case {
  readonly what: string;
  /** What is made, and lives while we try. */
  readonly made?: (channel: Channel) => Promise<unknown>;
  /** What rabbitmqctl does before, and after. */
  readonly control?: { readonly before: readonly string[]; readonly after?: readonly string[] };
  readonly texts: Texts;
  /** Whether --doctor, which declares nothing, can see it as well. */
  readonly isSeen?: boolean;
  readonly code: TransportErrorCode;
  /** What the sentence must hold, in this order. */
  readonly says: readonly string[];
}

const shipper = { rabbitmq_username: "shipper", rabbitmq_password: "secret", rabbitmq_vhost: "/two" };
const rights = (...patterns: string[]) => ["set_permissions", "-p", "/two", "shipper", ...patterns];
const permit = (...patterns: string[]) => ({ before: rights(...patterns), after: rights(".*", ".*", ".*") });
const limit = (text: string) => ({
  before: ["set_user_limits", "shipper", text],
  after: ["clear_user_limits", "shipper", "all"],
});

/** RabbitMQ 4 can be told to have queues that are not durable no more, as later ones do by themselves. */
const forbids = rabbitmqPrograms.title.startsWith("RabbitMQ 4");

const notDurable: Case = forbids
  ? {
      what: "queues that are not durable are not permitted",
      texts: { rabbitmq_queue: "one", rabbitmq_exchange: "none", rabbitmq_queue_durable: "off" },
      isSeen: false,
      code: "misconfigured",
      says: ["takes no queues that are not durable any more", "rabbitmq_queue_durable = on"],
    }
  : {
      what: "a queue that is not durable",
      made: (channel) => channel.assertQueue("one", { durable: false, autoDelete: false }),
      texts: { rabbitmq_queue: "one", rabbitmq_exchange: "none" },
      code: "misconfigured",
      says: [
        "has the queue one with durable false, we declare durable true",
        "rabbitmq_queue_durable = off",
        "in Logstash's rabbitmq input: durable => false",
      ],
    };

const cases: readonly Case[] = [
  {
    what: "a wrong password",
    texts: { rabbitmq_password: "mistaken" },
    code: "credentials",
    says: ["refuses the login of user guest", "rabbitmq_username and rabbitmq_password"],
  },
  {
    what: "a vhost that is not there",
    texts: { rabbitmq_vhost: "/nowhere" },
    code: "misconfigured",
    says: ["has no vhost /nowhere", "rabbitmq_vhost", "rabbitmqctl add_vhost /nowhere"],
  },
  {
    what: "a vhost that is another's",
    texts: { ...shipper, rabbitmq_vhost: "/" },
    code: "credentials",
    says: ["does not admit user shipper to vhost /", "set_permissions -p / shipper"],
  },
  {
    what: "a right that is missing",
    control: permit("^$", "^$", "^$"),
    texts: shipper,
    code: "credentials",
    says: ["does not permit user shipper", "set_permissions -p /two shipper", "rabbitmq_declare = off"],
  },
  {
    what: "the right to write is missing",
    control: permit(".*", "^$", ".*"),
    texts: { ...shipper, rabbitmq_exchange: "none" },
    code: "credentials",
    says: ["does not permit user shipper", "access to exchange 'amq.default'", "set_permissions"],
  },
  {
    what: "the right to read the exchange is missing, which a binding needs",
    control: permit(".*", ".*", "^$"),
    texts: { ...shipper, rabbitmq_queue: "bound", rabbitmq_exchange: "to" },
    code: "credentials",
    says: ["does not permit user shipper", "access to exchange 'to'", "set_permissions"],
  },
  {
    what: "too many connections",
    control: limit('{"max-connections":0}'),
    texts: shipper,
    code: "unavailable",
    says: ["admits no more connections", "user connection limit (0) is reached", "raise that limit"],
  },
  {
    what: "too many channels",
    control: limit('{"max-channels":0}'),
    texts: shipper,
    code: "unavailable",
    says: ["admits no more connections", "number of channels", "raise that limit"],
  },
  {
    what: "an exchange that is not there",
    texts: { rabbitmq_declare: "off" },
    code: "unavailable",
    says: ["has no exchange logstash-exchange", "rabbitmq_declare = on", "rabbitmq_exchange"],
  },
  {
    what: "a queue that is not there",
    texts: { rabbitmq_declare: "off", rabbitmq_exchange: "none" },
    code: "unavailable",
    says: ["has no queue logstash-queue", "rabbitmq_declare = on", "rabbitmq_queue"],
  },
  notDurable,
  {
    what: "a quorum queue",
    made: (channel) => channel.assertQueue("two", { arguments: { "x-queue-type": "quorum" } }),
    texts: { rabbitmq_queue: "two", rabbitmq_exchange: "none" },
    code: "misconfigured",
    says: [
      "x-queue-type quorum, we declare x-queue-type classic",
      "rabbitmq_queue_type = quorum",
      'arguments => { "x-queue-type" => "quorum" }',
    ],
  },
  {
    what: "a classic queue",
    made: (channel) => channel.assertQueue("three"),
    texts: { rabbitmq_queue: "three", rabbitmq_exchange: "none", rabbitmq_queue_type: "quorum" },
    code: "misconfigured",
    says: [
      "x-queue-type classic, we declare x-queue-type quorum",
      "rabbitmq_queue_type = classic",
      "no arguments",
    ],
  },
  {
    what: "a queue with a limit of its own",
    made: (channel) => channel.assertQueue("four", { maxLength: 3 }),
    texts: { rabbitmq_queue: "four", rabbitmq_exchange: "none" },
    code: "misconfigured",
    says: ["with x-max-length 3, we declare x-max-length none", "rabbitmq_declare = off", "passive => true"],
  },
  {
    what: "an exchange of another type",
    made: (channel) => channel.assertExchange("five", "fanout"),
    texts: { rabbitmq_exchange: "five", rabbitmq_queue: "three" },
    code: "misconfigured",
    says: [
      "type fanout, we declare type direct",
      "rabbitmq_exchange_type = fanout",
      'exchange_type => "fanout"',
    ],
  },
  {
    what: "an exchange that is not durable",
    made: (channel) => channel.assertExchange("six", "direct", { durable: false }),
    texts: { rabbitmq_exchange: "six", rabbitmq_queue: "three" },
    code: "misconfigured",
    says: ["durable false, we declare durable true", "rabbitmq_exchange_durable = off", "passive => true"],
  },
  {
    what: "an exchange for other exchanges",
    made: (channel) => channel.assertExchange("seven", "direct", { internal: true }),
    texts: { rabbitmq_exchange: "seven", rabbitmq_queue: "three", rabbitmq_declare: "off" },
    code: "misconfigured",
    says: ["lets only other exchanges write to seven", "rabbitmq_exchange"],
  },
  {
    what: "a type of exchange that is not known",
    texts: { rabbitmq_exchange: "eight", rabbitmq_exchange_type: "x-modulus-hash" },
    isSeen: false,
    code: "misconfigured",
    says: ["does not know exchanges of type x-modulus-hash", "plugin", "rabbitmq_exchange_type"],
  },
  {
    what: "a name that RabbitMQ keeps for itself",
    texts: { rabbitmq_queue: "amq.nine", rabbitmq_exchange: "none" },
    code: "misconfigured",
    says: ["names that begin with amq.", "amq.nine", "rabbitmq_queue"],
  },
  {
    what: "a queue that is another's alone",
    made: (channel) => channel.assertQueue("ten", { exclusive: true }),
    texts: { rabbitmq_queue: "ten", rabbitmq_exchange: "none" },
    code: "unavailable",
    says: ["has the queue locked by another", "'ten'"],
  },
  {
    what: "a vhost that is down",
    control: { before: ["eval", `rabbit_vhost_sup_sup:stop_and_delete_vhost(<<"/two">>).`] },
    texts: shipper,
    code: "unavailable",
    says: ["its vhost /two is down"],
  },
];

describe(`errors of ${rabbitmqPrograms.title}`, { skip: withoutRabbitmq }, () => {
  let server: RabbitmqServer;
  const caused = new Set<RegExp>();
  const config = forbids ? ["deprecated_features.permit.transient_nonexcl_queues = false"] : [];

  before(async () => {
    server = await startRabbitmq({ config });
    await server.control("add_vhost", "/two");
    await server.control("add_user", "shipper", "secret");
    await server.control(...rights(".*", ".*", ".*"));
  });
  after(() => server[Symbol.asyncDispose]());

  async function refused({ texts, code, says }: Case, at = server): Promise<void> {
    const place = { transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: at.port };
    await using transport = connectTransport(transportValues({ ...place, ...texts }), { inContainer: false });
    const error = await assertRejects(transport.send(makeEvents(1), { timeoutMs: 20_000 }), code);
    inOrder(error.message, says);
    assert.doesNotMatch(error.message, /mistaken|secret/);
    const words = wordsOf(error.cause as Error);
    caused.add(rabbitmqExplanations.find(([pattern]) => pattern.test(words))![0]);
  }

  async function diagnosed({ texts, code, says }: Case): Promise<void> {
    const place = { transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: server.port };
    const findings = await diagnoseTransport(transportValues({ ...place, ...texts }), { inContainer: false });
    const error = findings.find(({ level }) => level === "error");
    assert.ok(error, `no error among ${JSON.stringify(findings)}`);
    inOrder(error.message, says);
    assert.equal(error.code, code);
  }

  function inOrder(message: string, parts: readonly string[]) {
    let from = 0;
    for (const part of parts) {
      const at = message.indexOf(part, from);
      assert.ok(at >= 0, `"${part}" is not (or not in its place) in: ${message}`);
      from = at + part.length;
    }
  }

  for (const one of cases)
    it(`says what is wrong: ${one.what}`, async () => {
      const { control } = one;
      if (control) await server.control(...control.before);
      await server.with(async (channel) => {
        await one.made?.(channel);
        await refused(one);
        if (one.isSeen !== false) await diagnosed(one);
      });
      if (control?.after) await server.control(...control.after);
    });

  it("says that the connection was ended for it", async () => {
    const place = { transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: server.port };
    await using transport = connectTransport(transportValues({ ...place, rabbitmq_queue: "ended" }));
    const many = makeEvents(50_000);
    const says = /was told to end the connection \(maintenance\): is it being shut down/;
    const sent = assertRejects(transport.send(many, { timeoutMs: 60_000 }), "unavailable", says);
    await eventually(() => server.with((channel) => channel.checkQueue("ended").then(() => true)));
    await server.control("close_all_connections", "maintenance");
    const { cause } = await sent;
    caused.add(rabbitmqExplanations.find(([pattern]) => pattern.test(wordsOf(cause as Error)))![0]);
  });

  after(() => {
    const elsewhere = forbids ? [] : [/transient/];
    assert.deepEqual(
      rabbitmqExplanations
        .map(([pattern]) => pattern)
        .filter((pattern) => !caused.has(pattern) && !elsewhere.some((other) => other.test(pattern.source))),
      [],
      "every refusal that the transport knows was caused",
    );
  });
});
