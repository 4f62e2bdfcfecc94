// The stack with its other broker: Cuir's events by RabbitMQ to the reader of its queue.
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { buildStack, openStack } from "../../../scripts/stack.ts";
import { eventually, noEngine, testName } from "./docker.ts";

test("with --profile rabbitmq, an event goes through RabbitMQ", { skip: noEngine }, async () => {
  const ports = { STACK_REDIS_PORT: "0", STACK_CUIR_PORT: "0", STACK_FOUET_PORT: "0" };
  const stack = openStack(testName("rabbitmq"), ports, "rabbitmq");
  await buildStack();
  await stack.down();
  try {
    await stack.up("logstash-rabbitmq", "web");
    await stack.compose("stop", "web");
    const event = await eventually(
      "Web is down",
      async () => {
        const lines = await stack.compose("exec", "-T", "logstash-rabbitmq", "cat", "data/events.ndjson");
        return lines
          .split("\n")
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .find(({ program, tags }) => program === "Web" && (tags as string[]).includes("down"));
      },
      60_000,
    );
    equal(event["host"], "cuir-rabbitmq");
    equal(event["message"], "the web server that you may stop");
    deepEqual(event["tags"], ["cuir", "Web", "down", "notification"]);
  } finally {
    await stack.down();
  }
});
