// The RabbitMQ transport: persistent messages, each confirmed by the broker and routed to a queue.
//
// Invariants, beside those of every transport:
// - An event counts as sent only when RabbitMQ has confirmed it and has not returned it: what no queue takes is
//   confirmed too, and lost. The return comes before the confirmation of the same message.
// - At most rabbitmq_window events are unconfirmed. With one, a refused event is never overtaken by the next; with more,
//   only within the window in which the first is refused.
import { type Envelope, fillRoute } from "../envelope.ts";
import { createAcknowledged } from "../acknowledged.ts";
import { formatAddress } from "./address.ts";
import { attempt } from "./attempt.ts";
import { isInContainer } from "./container.ts";
import { isTlsSilence, toNetworkError } from "./network-errors.ts";
import { rabbitmqAccess, rabbitmqNames } from "./rabbitmq-access.ts";
import { openRabbitmqConnection, type RabbitmqConnection } from "./rabbitmq-connection.ts";
import { isRefusal, toRabbitmqError } from "./rabbitmq-errors.ts";
import { keysTooLong, tooLarge } from "./rabbitmq-poison.ts";
import { type Message, publishWindow } from "./rabbitmq-publish.ts";
import { bindKey, exchangeOf, prepareTopology } from "./rabbitmq-topology.ts";
import { refuseRabbitmq } from "./refuse.ts";
import type { RabbitmqValues } from "./settings.ts";
import { readTlsFiles } from "./tls.ts";
import { type ConnectOptions, type Sent, type Transport, TransportError } from "./transport.ts";

export function connectRabbitmq(
  values: RabbitmqValues,
  options: ConnectOptions<RabbitmqValues> = {},
): Transport {
  refuseRabbitmq(values);
  const inContainer = options.inContainer ?? isInContainer();
  const exchange = exchangeOf(values);
  const template = exchange === "" ? values.rabbitmq_queue : values.rabbitmq_key;
  let access = rabbitmqAccess(values);
  const places = access.addresses.map(formatAddress).join(",");
  const name = `${access.tls ? "amqps" : "amqp"}://${places}/${encodeURIComponent(access.vhost)} ${exchange || "(default exchange)"} → ${values.rabbitmq_queue}`;
  let opened = false;
  let first = 0;
  let connection: RabbitmqConnection | undefined;
  let bound = new Set<string>();
  /** Since RabbitMQ has blocked us; until it is asked again. */
  let wasBlocked = false;
  /** Since an event was refused, until a batch went through: one at a time, or each window would be out of order. */
  let isNarrow = false;
  const acknowledged = createAcknowledged();
  let under: AbortController | undefined;

  async function getConnection(signal: AbortSignal): Promise<RabbitmqConnection> {
    if (connection?.closed === false) return connection;
    connection?.destroy();
    connection = undefined;
    if (opened && options.reread) access = rabbitmqAccess(await options.reread());
    opened = true;
    const errors: unknown[] = [];
    const count = access.addresses.length;
    for (let index = 0; index < count; index += 1) {
      const at = (first + index) % count;
      const address = access.addresses[at]!;
      const what = `RabbitMQ at ${formatAddress(address)}`;
      const open = async (soon: AbortSignal) => {
        const material = access.tls && (await readTlsFiles(access.tls, rabbitmqNames));
        return openRabbitmqConnection(address, access, { tls: material, signal: soon });
      };
      try {
        const fresh = count === 1 ? await open(signal) : await attempt(what, signal, open);
        // Known from here on, so that an abort resets it.
        connection = fresh;
        bound = new Set();
        await prepareTopology(fresh, values);
        if (wasBlocked) await askWhetherBlocked(fresh);
        first = at;
        return fresh;
      } catch (error) {
        connection?.destroy();
        if (signal.aborted && !isTlsSilence(error)) throw signal.reason;
        const failure = error instanceof TransportError ? error : (connection?.failure ?? error);
        errors.push(explain(failure, address));
        connection = undefined;
      }
    }
    throw errors[0];
  }

  /** RabbitMQ tells of an alarm only when something is published: here what no queue gets. */
  async function askWhetherBlocked(fresh: RabbitmqConnection): Promise<void> {
    if (values.rabbitmq_exchange_type !== "direct" || exchange === "") {
      wasBlocked = false;
      return;
    }
    const { channel } = fresh;
    const trouble = new Promise<void>((resolve) => void fresh.onTrouble(resolve));
    channel.publish(exchange, `moustash-probe-${performance.now()}`, Buffer.alloc(0), {});
    await Promise.race([trouble, channel.waitForConfirms().then(() => channel.checkExchange(exchange))]);
    if (fresh.blocked !== undefined) throw blockedError(fresh);
    wasBlocked = false;
  }

  function explain(error: unknown, endpoint: { host: string; port: number }): TransportError {
    if (error instanceof TransportError) return error;
    const { username, vhost, tls } = access;
    const place = formatAddress(endpoint);
    if (isRefusal(error)) return toRabbitmqError(error, { place, username, vhost, values });
    const context = { product: "RabbitMQ", endpoint, inContainer, usesTls: tls !== undefined };
    return toNetworkError(error, { ...context, names: rabbitmqNames });
  }

  async function send(envelopes: readonly Envelope[], timeoutMs: number): Promise<Sent> {
    const controller = new AbortController();
    const { signal } = controller;
    under = controller;
    const timer = setTimeout(() => {
      const blocked = connection?.blocked === undefined ? "" : `: blocked, ${connection.blocked}`;
      controller.abort(
        new TransportError("unavailable", `${name} did not answer within ${timeoutMs} ms${blocked}`),
      );
    }, timeoutMs);
    signal.addEventListener("abort", () => connection?.destroy(), { once: true });
    try {
      return await publishAll(envelopes, signal);
    } catch (error) {
      const broken = connection;
      connection = undefined;
      broken?.destroy();
      if (signal.aborted && !isTlsSilence(error)) throw signal.reason;
      if (error instanceof TransportError) throw error;
      const address = access.addresses[first]!;
      if (broken?.failure && isRefusal(broken.failure)) throw explain(broken.failure, address);
      throw new TransportError(
        "unavailable",
        `RabbitMQ at ${formatAddress(address)}: closed the connection`,
        { cause: broken?.failure ?? error },
      );
    } finally {
      clearTimeout(timer);
      under = undefined;
    }
  }

  async function publishAll(envelopes: readonly Envelope[], signal: AbortSignal): Promise<Sent> {
    const pending = acknowledged.without(envelopes);
    const messages = pending.map((envelope) => ({ envelope, key: fillRoute(template, envelope.route) }));
    const rejected = [...keysTooLong(messages)];
    const unspeakable = new Set(rejected.map(({ envelope }) => envelope));
    let rest = messages.filter(({ envelope }) => !unspeakable.has(envelope));
    await getConnection(signal);
    for (let from = 0; from < rest.length;) {
      const window = rest.slice(from, from + (isNarrow ? 1 : values.rabbitmq_window));
      const current = await getConnection(signal);
      try {
        await publish(current, window);
        from += window.length;
      } catch (error) {
        const mostBytes = tooLarge(current.failure) ?? Infinity;
        const large = window.filter(({ envelope }) => Buffer.byteLength(envelope.body) > mostBytes);
        if (large.length === 0) {
          acknowledged.add(rest.slice(0, from).map(({ envelope }) => envelope));
          throw error;
        }
        // The channel is closed by one; those behind it were thrown away with it, those before are confirmed again.
        current.destroy();
        const reason = `RabbitMQ at ${current.place}: the event is larger than max_message_size there, ${mostBytes} bytes: raise it, or lower max_event_bytes`;
        rejected.push(...large.map(({ envelope }) => ({ envelope, reason })));
        rest = rest.filter((message) => !large.includes(message));
      }
    }
    isNarrow = false;
    acknowledged.forget(envelopes);
    return { rejected };
  }

  async function publish(current: RabbitmqConnection, messages: readonly Message[]): Promise<void> {
    if (values.rabbitmq_declare && exchange !== "")
      for (const { key } of messages) {
        if (bound.has(key)) continue;
        await bindKey(current, values, key);
        bound.add(key);
      }
    const outcome = await publishWindow(current, exchange, messages);
    if (outcome.is === "blocked") {
      wasBlocked = true;
      throw blockedError(current);
    }
    if (outcome.is === "closed") throw current.failure ?? new Error("closed");
    if (outcome.is === "returned" || outcome.is === "refused") isNarrow = true;
    if (outcome.is === "returned")
      throw new TransportError(
        "unavailable",
        `RabbitMQ at ${current.place} has no queue for the routing key ${outcome.key} at the exchange ${exchange || "(default)"} (${outcome.reason}): ${
          values.rabbitmq_declare ? "was the queue deleted?" : "bind one, or rabbitmq_declare = on"
        }`,
      );
    if (outcome.is === "refused")
      throw new TransportError(
        "unavailable",
        `RabbitMQ at ${current.place} refused an event (nack): the queue ${values.rabbitmq_queue} is full and set to reject, or in trouble`,
      );
  }

  function blockedError({ place, blocked = "an alarm" }: RabbitmqConnection): TransportError {
    return new TransportError(
      "unavailable",
      `RabbitMQ at ${place} takes nothing now (${blocked}): a reader must drain its queues, or memory and disk be given to it`,
    );
  }

  return {
    name,
    send: (envelopes, { timeoutMs }) => send(envelopes, timeoutMs),
    [Symbol.asyncDispose]() {
      under?.abort(new TransportError("unavailable", `${name}: closed by us`));
      connection?.destroy();
      connection = undefined;
      return Promise.resolve();
    },
  };
}
