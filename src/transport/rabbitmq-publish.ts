// Publishes a window of events and waits until each is confirmed.
import type { Envelope } from "../envelope.ts";
import type { RabbitmqConnection } from "./rabbitmq-connection.ts";

export type Outcome =
  | { readonly is: "confirmed" }
  /** Confirmed, but no queue has it. */
  | { readonly is: "returned"; readonly key: string; readonly reason: string }
  /** nack. */
  | { readonly is: "refused" }
  | { readonly is: "blocked" }
  | { readonly is: "closed" };

export interface Message {
  readonly envelope: Envelope;
  readonly key: string;
}

/** Never rejects; what is not confirmed says why, the first trouble first. */
export function publishWindow(
  connection: RabbitmqConnection,
  exchange: string,
  messages: readonly Message[],
): Promise<Outcome> {
  const { channel } = connection;
  return new Promise((resolve) => {
    let waiting = messages.length;
    const done = (outcome: Outcome) => {
      channel.off("return", returned);
      stopListening();
      resolve(outcome);
    };
    const returned = ({ fields }: { fields: { routingKey: string; replyText?: string } }) =>
      done({ is: "returned", key: fields.routingKey, reason: fields.replyText ?? "no route" });
    const confirmed = (error: Error | null) => {
      // amqplib also says so of what was unconfirmed when the channel ended, before it says that it ended.
      if (error) return done({ is: error.message === "message nacked" ? "refused" : "closed" });
      waiting -= 1;
      if (waiting === 0) done({ is: "confirmed" });
    };
    channel.on("return", returned as (message: unknown) => void);
    const stopListening = connection.onTrouble(() =>
      done({ is: connection.blocked === undefined ? "closed" : "blocked" }),
    );
    try {
      for (const { envelope, key } of messages)
        channel.publish(exchange, key, Buffer.from(envelope.body), properties(envelope), confirmed);
    } catch {
      // The channel was closed while we wrote.
      done({ is: "closed" });
    }
  });
}

function properties({ id, atMs, route }: Envelope) {
  return {
    persistent: true,
    mandatory: true,
    messageId: id,
    /** Seconds, as AMQP 0-9-1 has it. */
    timestamp: Math.floor(atMs / 1000),
    type: route.type,
    appId: "moustash",
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}
