// The RabbitMQ transport against a real server: the contract of every transport, and what is RabbitMQ's own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { pipeline } from "node:stream";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connectTransport } from "../../src/transport/connect.ts";
import type { Transport } from "../../src/transport/transport.ts";
import {
  assertRejects,
  bodies,
  countLosses,
  firstCopies,
  makeEvents,
  noLosses,
  sendUntilTaken,
  testTransport,
} from "../contract/transport.ts";
import { type RabbitmqServer, startRabbitmq, withoutRabbitmq } from "../servers/rabbitmq.ts";
import { rabbitmqPrograms } from "../servers/release.ts";
import { eventually, freePort } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

const options = { timeoutMs: 60_000 };
let server: RabbitmqServer;
before(async () => {
  if (!withoutRabbitmq) server = await startRabbitmq({ config: ["max_message_size = 4000000"] });
});
after(() => server?.[Symbol.asyncDispose]());

let count = 0;
/** Names of its own for each test: the server is shared. */
function names() {
  count += 1;
  return { rabbitmq_queue: `q${count}`, rabbitmq_exchange: `x${count}`, rabbitmq_key: `k${count}` };
}

function connect(texts: Record<string, string | number> = {}): Transport {
  const defaults = { transport: "rabbitmq", rabbitmq_host: "127.0.0.1", rabbitmq_port: server.port };
  return connectTransport(transportValues({ ...defaults, ...texts }), { inContainer: false });
}

testTransport(
  "rabbitmq",
  () => {
    const texts = names();
    return Promise.resolve({
      connect: () => connect(texts),
      events: () => server.take(texts.rabbitmq_queue),
      stop: () => server.stop(),
      resume: () => server.resume(),
      kill: () => server.kill(),
      start: () => server.start(),
      async [Symbol.asyncDispose]() {
        if (!server.isUp()) await server.start();
      },
    });
  },
  { skip: withoutRabbitmq },
);

describe("rabbitmq", { skip: withoutRabbitmq }, () => {
  it(`runs on ${rabbitmqPrograms.title}`, async () => {
    const [, version = ""] = rabbitmqPrograms.title.split(" ");
    const { connection } = await server.with((channel) => Promise.resolve(channel));
    assert.ok(connection.serverProperties.version.startsWith(version));
  });

  it("sends persistent messages that say what they are", async () => {
    const texts = names();
    await using transport = connect(texts);
    const [event] = makeEvents(1);
    await transport.send([event!], options);
    const message = await server.with((channel) => channel.get(texts.rabbitmq_queue, { noAck: true }));
    assert.ok(message);
    assert.equal(message.content.toString(), event!.body);
    const { properties, fields } = message;
    assert.equal(properties.deliveryMode, 2);
    assert.equal(properties.messageId, event!.id);
    assert.equal(properties.timestamp, Math.floor(event!.atMs / 1000));
    assert.equal(properties.type, "panpan");
    assert.equal(properties.appId, "moustash");
    assert.equal(properties.contentType, "application/json");
    assert.deepEqual([fields.exchange, fields.routingKey], [texts.rabbitmq_exchange, texts.rabbitmq_key]);
  });

  for (const type of ["fanout", "topic", "headers"])
    it(`reaches the queue through an exchange of type ${type}`, async () => {
      const texts = { ...names(), rabbitmq_exchange_type: type };
      await using transport = connect(texts);
      const events = makeEvents(3);
      await transport.send(events, options);
      assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
    });

  it("goes straight to the queue without an exchange, into a quorum queue too", async () => {
    const texts = { ...names(), rabbitmq_exchange: "none", rabbitmq_queue_type: "quorum" };
    await using transport = connect(texts);
    const events = makeEvents(3);
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("binds each routing key that the events give", async () => {
    const texts = { ...names(), rabbitmq_key: "m.%{program}" };
    await using transport = connect(texts);
    const events = [...makeEvents(2, { program: "a" }), ...makeEvents(2, { program: "b" })];
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("keeps several events unconfirmed where it may", async () => {
    const texts = { ...names(), rabbitmq_window: 64 };
    await using transport = connect(texts);
    const events = makeEvents(500);
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("does not take an event for sent that no queue has, and declares a deleted queue again", async () => {
    const texts = names();
    await using transport = connect(texts);
    await transport.send(makeEvents(1), options);
    await server.with((channel) => channel.deleteQueue(texts.rabbitmq_queue));
    const events = makeEvents(5);
    await assertRejects(
      transport.send(events, options),
      "unavailable",
      /no queue for the routing key/,
      /deleted/,
    );
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("keeps the order where a full queue rejects", async () => {
    const texts = names();
    await server.with((channel) =>
      channel.assertQueue(texts.rabbitmq_queue, {
        maxLength: 3,
        arguments: { "x-overflow": "reject-publish" },
      }),
    );
    await server.with(async (channel) => {
      await channel.assertExchange(texts.rabbitmq_exchange, "direct");
      await channel.bindQueue(texts.rabbitmq_queue, texts.rabbitmq_exchange, texts.rabbitmq_key);
    });
    await using transport = connect({ ...texts, rabbitmq_declare: "off" });
    const events = makeEvents(60);
    const arrived: string[] = [];
    await server.with(async (channel) => {
      const over = new AbortController();
      const reading = (async () => {
        while (!over.signal.aborted || arrived.length === 0) {
          const message = await channel.get(texts.rabbitmq_queue, { noAck: true });
          if (message) arrived.push(message.content.toString());
        }
      })();
      const errors: unknown[] = [];
      for (let from = 0; from < events.length; from += 20)
        errors.push(...(await sendUntilTaken(transport, events.slice(from, from + 20))));
      over.abort();
      await reading;
    });
    arrived.push(...(await server.take(texts.rabbitmq_queue)));
    assert.deepEqual(firstCopies(arrived), bodies(events));
  });

  it("goes on through a full queue that rejects, however slow its reader is", async () => {
    const texts = { ...names(), rabbitmq_exchange: "none" };
    await server.with((channel) =>
      channel.assertQueue(texts.rabbitmq_queue, {
        maxLength: 3,
        arguments: { "x-overflow": "reject-publish" },
      }),
    );
    await using transport = connect({ ...texts, rabbitmq_declare: "off" });
    const events = makeEvents(60);
    const arrived: string[] = [];
    await server.with(async (channel) => {
      const sent = sendUntilTaken(transport, events, { withinMs: 30_000 });
      while (arrived.length < events.length) {
        const message = await channel.get(texts.rabbitmq_queue, { noAck: true });
        if (message) arrived.push(message.content.toString());
        await delay(10);
      }
      assert.ok((await sent).length > 0, "it was refused at least once");
    });
    assert.deepEqual(arrived, bodies(events));
    assert.deepEqual(await server.take(texts.rabbitmq_queue), []);
  });

  it("rejects a routing key that AMQP cannot say, and goes on behind it", async () => {
    const texts = { ...names(), rabbitmq_key: "m.%{program}" };
    await using transport = connect(texts);
    const [long] = makeEvents(1, { program: "ü".repeat(200) });
    const [last] = makeEvents(1);
    const { rejected } = await transport.send([long!, last!], options);
    assert.deepEqual(
      rejected.map(({ envelope }) => envelope.id),
      [long!.id],
    );
    assert.match(rejected[0]!.reason, /402 bytes, 255 are possible: shorten rabbitmq_key/);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), [last!.body]);
  });

  it("rejects what is larger than max_message_size, and goes on behind it", async () => {
    for (const rabbitmq_window of [1, 16]) {
      const texts = { ...names(), rabbitmq_window };
      await using transport = connect(texts);
      const [first] = makeEvents(1);
      const [large] = makeEvents(1, { pad: "x".repeat(5_000_000) });
      const [last] = makeEvents(1);
      const { rejected } = await transport.send([first!, large!, last!], options);
      assert.deepEqual(
        rejected.map(({ envelope }) => envelope.id),
        [large!.id],
      );
      assert.match(rejected[0]!.reason, /max_message_size there, 4000000 bytes/);
      assert.deepEqual(firstCopies(await server.take(texts.rabbitmq_queue)), bodies([first!, last!]));
    }
  });

  it("says what differs from a queue that is there, and the line for Logstash", async () => {
    const texts = names();
    await server.with((channel) => channel.assertQueue(texts.rabbitmq_queue, { durable: false }));
    await using transport = connect(texts);
    await assertRejects(
      transport.send(makeEvents(1), options),
      "misconfigured",
      /durable false, we declare durable true/,
      /rabbitmq_queue_durable = off/,
      /durable => false/,
    );
    await using quorum = connect({
      ...names(),
      rabbitmq_queue: texts.rabbitmq_queue,
      rabbitmq_queue_type: "quorum",
    });
    await assertRejects(quorum.send(makeEvents(1), options), "misconfigured", /rabbitmq_queue_/);
  });

  it("says what differs from an exchange that is there", async () => {
    const texts = names();
    await server.with((channel) => channel.assertExchange(texts.rabbitmq_exchange, "fanout"));
    await using transport = connect(texts);
    await assertRejects(
      transport.send(makeEvents(1), options),
      "misconfigured",
      /type fanout, we declare type direct/,
      /rabbitmq_exchange_type = fanout/,
    );
  });

  it("only looks where it shall not declare", async () => {
    const texts = { ...names(), rabbitmq_declare: "off" };
    await using transport = connect(texts);
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /has no exchange x/);
    await server.with((channel) => channel.assertExchange(texts.rabbitmq_exchange, "direct"));
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /has no queue q/);
    await server.with((channel) => channel.assertQueue(texts.rabbitmq_queue));
    await assertRejects(transport.send(makeEvents(1), options), "unavailable", /bind one/);
    await server.with((channel) =>
      channel.bindQueue(texts.rabbitmq_queue, texts.rabbitmq_exchange, texts.rabbitmq_key),
    );
    const events = makeEvents(2);
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("says what is wrong with user, vhost and exchange type", async () => {
    await using wrong = connect({ ...names(), rabbitmq_password: "mistaken" });
    const error = await assertRejects(wrong.send(makeEvents(1), options), "credentials", /user guest/);
    assert.doesNotMatch(error.message, /mistaken/);
    await using elsewhere = connect({ ...names(), rabbitmq_vhost: "/nowhere" });
    await assertRejects(elsewhere.send(makeEvents(1), options), "misconfigured", /rabbitmq_vhost/);
    await using unknown = connect({ ...names(), rabbitmq_exchange_type: "x-modulus-hash" });
    await assertRejects(unknown.send(makeEvents(1), options), "misconfigured", /rabbitmq_exchange_type/);
  });

  it("takes a URL, a vhost of its own, and names the right that is missing", async () => {
    await server.control("add_vhost", "/two");
    await server.control("add_user", "shipper", "p%#:@ss");
    const url = `amqp://shipper:${encodeURIComponent("p%#:@ss")}@127.0.0.1:${server.port}/%2Ftwo`;
    const texts = { ...names(), rabbitmq_url: url };
    await using outside = connect(texts);
    await assertRejects(
      outside.send(makeEvents(1), options),
      "credentials",
      /set_permissions -p \/two shipper/,
    );
    await server.control("set_permissions", "-p", "/two", "shipper", "^$", "^$", "^$");
    await using transport = connect(texts);
    await assertRejects(
      transport.send(makeEvents(1), options),
      "credentials",
      /does not permit user shipper/,
    );
    await server.control("set_permissions", "-p", "/two", "shipper", ".*", ".*", ".*");
    await transport.send(makeEvents(1), options);
  });

  it("goes to the next host where one is away", async () => {
    const texts = names();
    const rabbitmq_host = `127.0.0.1:${await freePort()}, 127.0.0.1:${server.port}`;
    await using transport = connect({ ...texts, rabbitmq_host });
    const events = makeEvents(2);
    await transport.send(events, options);
    assert.deepEqual(await server.take(texts.rabbitmq_queue), bodies(events));
  });

  it("keeps its connection to one of several hosts", async () => {
    let connections = 0;
    const relay = createServer((client) => {
      connections += 1;
      const stream = connectSocket(server.port, "127.0.0.1");
      pipeline(client, stream, client, () => {});
    }).listen(0, "127.0.0.1");
    await once(relay, "listening");
    const { port } = relay.address() as AddressInfo;
    try {
      await using transport = connect({ ...names(), rabbitmq_host: `127.0.0.1:${port}, 127.0.0.1:1` });
      await transport.send(makeEvents(1), options);
      // Longer than one of several may take to answer.
      await delay(2500);
      await transport.send(makeEvents(1), options);
      assert.equal(connections, 1);
    } finally {
      relay.close();
    }
  });

  it("forgets nothing that a durable queue confirmed when it is killed, and all that another one did", async () => {
    const durable = names();
    const transient = { ...names(), rabbitmq_queue_durable: "off" };
    await using keeps = connect(durable);
    await using forgets = connect(transient);
    const [kept, forgotten] = [makeEvents(40), makeEvents(40)];
    await keeps.send(kept.slice(0, 20), options);
    await forgets.send(forgotten.slice(0, 20), options);
    await server.kill();
    await server.start();
    await sendUntilTaken(keeps, kept.slice(20));
    await sendUntilTaken(forgets, forgotten.slice(20));
    const [one, two] = [
      await server.take(durable.rabbitmq_queue),
      await server.take(transient.rabbitmq_queue),
    ];
    assert.deepEqual(countLosses(kept, { byKilled: 20, arrived: one }), noLosses);
    assert.deepEqual(countLosses(forgotten, { byKilled: 20, arrived: two }), {
      ...noLosses,
      lost_by_broker: 20,
    });
  });

  it("counts a memory alarm as being away, adds nothing meanwhile, and goes on after it", async () => {
    const texts = names();
    await using transport = connect(texts);
    const events = makeEvents(12);
    await transport.send(events.slice(0, 2), options);
    await server.control("set_vm_memory_high_watermark", "0");
    try {
      const error = await eventually(() =>
        transport.send(events.slice(2), options).then(
          () => assert.fail("it was taken"),
          (error: Error) => error,
        ),
      );
      assert.match(error.message, /takes nothing now \(low on memory\)/);
      for (let tries = 0; tries < 3; tries += 1)
        await assertRejects(transport.send(events.slice(2), options), "unavailable", /low on memory/);
    } finally {
      await server.control("set_vm_memory_high_watermark", "absolute", "1GB");
    }
    await sendUntilTaken(transport, events.slice(2));
    const arrived = await server.take(texts.rabbitmq_queue);
    assert.deepEqual(firstCopies(arrived), bodies(events));
    assert.ok(arrived.length <= events.length + 1, `${arrived.length} messages`);
  });
});
