// Shows the event as its reader will see it, and the Logstash input that fits this configuration.
import { hostname } from "node:os";
import { exitCodes } from "../errors.ts";
import { type Reader, rabbitmqReader, redisReader, stdoutReader } from "../message/reader.ts";
import { toDraft } from "../message/wording.ts";
import { connectTransport } from "../transport/connect.ts";
import type { PanpanShell, PanpanValues } from "./panpan.ts";
import { print } from "./print.ts";
import { type Saying, eventsOf, saidIn, wordingOf } from "./saying.ts";

const sample = "no space left on /srv";

/** Of the message that is given, or of a sample. */
export async function explain(shell: PanpanShell, task: Saying | undefined): Promise<number> {
  const { Moustash } = shell.config.values;
  const host = Moustash.host ?? hostname();
  const said = task?.kind === "message" ? task : { kind: "message" as const, message: sample };
  const { body } = eventsOf(shell, host).create(
    toDraft(wordingOf(shell, { host, ...saidIn(said) }), { message: said.message, atMs: Date.now() }),
  );
  await using transport = connectTransport(Moustash);
  const { input, notes } = readerOf(Moustash);
  const text = [
    `# Goes to ${transport.name}; its reader sees this event:`,
    JSON.stringify(JSON.parse(body), undefined, 2),
    "",
    "# Logstash reads it with:",
    input,
    ...notes.map((note) => `# ${note}`),
    '# Repeats have the same id: output { elasticsearch { document_id => "%{[moustash][id]}" } }',
  ].join("\n");
  await print(`${text}\n`);
  return exitCodes.ok;
}

function readerOf(values: PanpanValues["Moustash"]): Reader {
  if (values.transport === "stdout") return stdoutReader();
  if (values.transport === "rabbitmq") {
    const [first] = values.rabbitmq_host;
    return rabbitmqReader({
      host: first!.host,
      port: first!.port ?? values.rabbitmq_port,
      vhost: values.rabbitmq_vhost,
      username: values.rabbitmq_username,
      queue: values.rabbitmq_queue,
      tls: values.rabbitmq_ssl,
    });
  }
  const [first] = values.redis_ip;
  return redisReader({
    host: first!.host,
    port: first!.port ?? values.redis_port,
    db: values.redis_db,
    key: values.redis_namespace,
    hasPassword: values.redis_password !== undefined,
    username: values.redis_username,
    socket: values.redis_socket,
    tls: values.redis_tls,
    ca: values.redis_tls_ca,
    several: values.redis_ip.length > 1,
    sentinel: values.redis_sentinels !== undefined,
    cluster: values.redis_cluster,
  });
}
