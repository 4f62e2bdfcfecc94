// The last hop: a notification becomes a mail. Only Logstash itself can show it; where its image cannot be pulled, this is
// said and not shown (the pipelines are read, and their Ruby is run, in test/unit/compose).
import { match } from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { registryAnswers } from "../../../scripts/base-images.ts";
import { buildStack, openStack } from "../../../scripts/stack.ts";
import { docker, eventually, noEngine, testName } from "./docker.ts";

test("a notification reaches a person's mail server", { skip: noEngine }, async (t) => {
  if (!(await registryAnswers()))
    return t.skip("not shown here: that a notification arrives as mail (Logstash's image cannot be pulled)");
  const project = testName("people");
  const sink = `${project}-sink`;
  const stack = openStack(project, {
    STACK_REDIS_PORT: "0",
    STACK_CUIR_PORT: "0",
    STACK_FOUET_PORT: "0",
    MOUSTASH_MAIL_TO: "ops@example.com",
    MOUSTASH_MAIL_HOST: sink,
    MOUSTASH_MAIL_PORT: "2525",
  });
  await buildStack();
  await stack.down();
  try {
    await stack.up();
    const script = resolve("test/servers/smtp.mjs");
    const words = ["run", "--detach", "--rm", "--name", sink, "--network", `${project}_default`];
    words.push("--volume", `${script}:/smtp.mjs:ro`, "--entrypoint", "/opt/moustash/libexec/node");
    await docker(...words, "moustash/cuir:latest", "/smtp.mjs");
    await stack.compose("run", "--rm", "panpan", "the backup has failed", "--program", "backup", "--notify");
    const mail = await eventually(
      "the mail",
      async () => {
        const text = await docker("logs", sink);
        return text.includes("backup") ? text : undefined;
      },
      120_000,
    );
    match(mail, /^To: ops@example\.com$/m);
    match(mail, /^Subject: \[moustash\] backup on panpan: the backup has failed/m);
  } finally {
    await docker("rm", "--force", sink).catch(() => undefined);
    await stack.down();
  }
});
