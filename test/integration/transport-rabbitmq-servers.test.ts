// The RabbitMQ transport over TLS, and on a cluster of three nodes of which the leader dies.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { connectTransport } from "../../src/transport/connect.ts";
import {
  assertRejects,
  bodies,
  countLosses,
  makeEvents,
  noLosses,
  sendUntilTaken,
  testTransport,
} from "../contract/transport.ts";
import { type Certificates, makeCertificates } from "../servers/certificates.ts";
import {
  type RabbitmqServer,
  startRabbitmq,
  startRabbitmqCluster,
  withoutRabbitmq,
} from "../servers/rabbitmq.ts";
import { eventually, freePort } from "../servers/server.ts";
import { transportValues } from "../servers/transport-values.ts";

const options = { timeoutMs: 60_000 };
const queue = "logstash-queue";

const connect = (texts: Record<string, string | number>) =>
  connectTransport(transportValues({ transport: "rabbitmq", ...texts }), { inContainer: false });

let shared: { broker: RabbitmqServer; certificates: Certificates; port: number } | undefined;
let count = 0;
after(async () => {
  await shared?.broker[Symbol.asyncDispose]();
  await shared?.certificates[Symbol.asyncDispose]();
});

async function startTls() {
  const certificates = await makeCertificates();
  const { ca, server } = certificates;
  const port = await freePort();
  const config = [
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${ca}`,
    `ssl_options.certfile = ${server.cert}`,
    `ssl_options.keyfile = ${server.key}`,
    "ssl_options.verify = verify_peer",
    "ssl_options.fail_if_no_peer_cert = true",
  ];
  return { certificates, port, broker: await startRabbitmq({ config }) };
}

testTransport(
  "rabbitmq, TLS with client certificates",
  async () => {
    const { broker, certificates, port } = (shared ??= await startTls());
    const { ca, client } = certificates;
    const rabbitmq_queue = `q${(count += 1)}`;
    const place = { rabbitmq_host: "127.0.0.1", rabbitmq_port: port, rabbitmq_ssl: "on" };
    const files = { rabbitmq_ssl_cacert: ca, rabbitmq_ssl_cert: client.cert, rabbitmq_ssl_key: client.key };
    const names = { rabbitmq_queue, rabbitmq_exchange: "none" };
    const open = () => connect({ ...place, ...files, ...names });
    // The port for TLS opens a little after the other.
    await using early = open();
    await sendUntilTaken(early, []);
    return {
      connect: open,
      events: () => broker.take(rabbitmq_queue),
      stop: () => broker.stop(),
      resume: () => broker.resume(),
      kill: () => broker.kill(),
      start: () => broker.start(),
      async [Symbol.asyncDispose]() {
        if (!broker.isUp()) await broker.start();
      },
    };
  },
  { skip: withoutRabbitmq },
);

describe("rabbitmq over TLS", { skip: withoutRabbitmq }, () => {
  it("shows our certificate, takes an amqps URL, and names what is wrong", async () => {
    const { broker, certificates, port } = (shared ??= await startTls());
    const { ca, client } = certificates;
    const mine = { rabbitmq_ssl_cacert: ca, rabbitmq_ssl_cert: client.cert, rabbitmq_ssl_key: client.key };
    const place = { rabbitmq_host: "localhost", rabbitmq_port: port, rabbitmq_ssl: "on" };
    await using transport = connect({ ...place, ...mine });
    const events = makeEvents(20);
    // The port for TLS opens a little after the other.
    await sendUntilTaken(transport, events.slice(0, 10));
    await using byUrl = connect({ rabbitmq_url: `amqps://guest:guest@127.0.0.1:${port}`, ...mine });
    await byUrl.send(events.slice(10), options);
    assert.deepEqual(await broker.take(queue), bodies(events));

    await using strange = connect({ ...place, ...mine, rabbitmq_ssl_cacert: certificates.strangeCa });
    await assertRejects(strange.send(events, options), "misconfigured", /rabbitmq_ssl_cacert/);
    await using bare = connect({ ...place, rabbitmq_ssl_cacert: ca });
    await assertRejects(bare.send(events, options), "misconfigured", /rabbitmq_ssl_cert/);
    await using wrongPort = connect({ ...place, ...mine, rabbitmq_port: broker.port });
    await assertRejects(wrongPort.send(events, options), "misconfigured", /rabbitmq_ssl = off/);
    assert.deepEqual(await broker.take(queue), []);
  });
});

describe("rabbitmq: a cluster with a quorum queue", { skip: withoutRabbitmq }, () => {
  it("loses nothing and keeps the order when the queue's leader dies", async () => {
    await using cluster = await startRabbitmqCluster();
    const rabbitmq_host = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(", ");
    await using transport = connect({ rabbitmq_host, rabbitmq_queue_type: "quorum" });
    const events = makeEvents(300);
    await sendUntilTaken(transport, events.slice(0, 100));
    const leader = await leaderOf(cluster.nodes);
    for (let from = 100; from < events.length; from += 10) {
      if (from === 150) await leader.kill();
      await sendUntilTaken(transport, events.slice(from, from + 10), {
        withinMs: 120_000,
        timeoutMs: 10_000,
      });
    }
    const living = cluster.nodes.find((node) => node !== leader)!;
    const arrived = await living.take(queue);
    assert.deepEqual(countLosses(events, { byKilled: events.length, arrived }), noLosses);
  });
});

async function leaderOf(nodes: readonly RabbitmqServer[]): Promise<RabbitmqServer> {
  return eventually(
    async () => {
      const lines = await nodes[0]!.control("list_queues", "--quiet", "--formatter=json", "name", "leader");
      const [row] = (JSON.parse(lines) as { name: string; leader: string }[]).filter(
        ({ name }) => name === queue,
      );
      return nodes.find(({ node }) => node === row?.leader);
    },
    { what: "a leader of the queue" },
  );
}
