// PanPan: notifies from the command line.
import { panpanSections } from "./commands/sections.ts";
import { farewell, openDelivery } from "./delivery.ts";
import { panpanShortForms } from "./message/settings.ts";
import { sayOnce } from "./message/message.ts";
import { run } from "./run.ts";

const tool = {
  tool: "panpan",
  headline: "PanPan sends one message to Redis or RabbitMQ, as a Logstash event.",
  usage: ["panpan [OPTION…] MESSAGE"],
  sections: panpanSections,
  flags: {},
  shorts: Object.fromEntries(Object.entries(panpanShortForms).map(([short, key]) => [key, short])),
  takesWords: true,
  plain: true,
} as const;

export const main = () =>
  run(tool, async ({ config, line, logger, signal }) => {
    const { Moustash: values } = config.values;
    await using delivery = openDelivery({ tool: "panpan", values, logger, oneShot: true });
    const event = delivery.events.create({
      atMs: Date.now(),
      class: "message",
      message: line.words[0] ?? "",
      program: "panpan",
      source: delivery.host,
      tags: ["panpan"],
      notify: false,
    });
    return farewell(
      await delivery.ship(
        sayOnce(event, () => {}),
        { signal },
      ),
      logger,
    );
  });
